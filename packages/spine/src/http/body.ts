/** What a body must say about itself before a byte of it is read. */

import type { IncomingHttpHeaders } from 'node:http'
import { SpineError } from '../protocol/errors.ts'

export const hasBody = (headers: IncomingHttpHeaders) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Throws UNSUPPORTED_MEDIA_TYPE unless a body, if there is one, is plain JSON in UTF-8. */
export function checkMediaType(headers: IncomingHttpHeaders): void {
  if (!hasBody(headers)) return
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers
  if (encoding.trim().toLowerCase() !== 'identity')
    throw new SpineError('UNSUPPORTED_MEDIA_TYPE', 'Compressed bodies are not read: send it as it is.')
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw new SpineError('UNSUPPORTED_MEDIA_TYPE', 'The Content-Type is not application/json.')
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type) ?? []
  if (charset.toLowerCase() !== 'utf-8')
    throw new SpineError('UNSUPPORTED_MEDIA_TYPE', 'JSON is read as UTF-8 only; leave the charset out.')
}
