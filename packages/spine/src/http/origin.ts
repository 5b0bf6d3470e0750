/** Which Host and Origin headers are ours: what keeps web pages, and names that point at loopback, away from the server. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { SpineError } from '../protocol/errors.ts'

/** Throws HOST_REFUSED or ORIGIN_REFUSED. */
export type CheckOrigin = (headers: IncomingHttpHeaders) => void

const loopback = /^(?:localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}|\[?::1\]?)$/

/** Whether a host is this machine and can be nothing else. */
export const isLoopback = (host: string): boolean => loopback.test(host.toLowerCase())

function isOwn(origin: string, host: string): boolean {
  const url = URL.parse(origin)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // Through URL, so that :80 and :443 are the same as no port.
  return url.origin === origin.toLowerCase() && URL.parse(`${url.protocol}//${host}`)?.origin === url.origin
}

/** Throws INVALID_INPUT unless there is one Host header (RFC 9112, section 3.2); HTTP/1.0 may go without. */
export function checkHostHeader({ rawHeaders, httpVersion }: IncomingMessage): void {
  const count = rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host').length
  if (count === 1 || (count === 0 && httpVersion === '1.0')) return
  throw new SpineError('INVALID_INPUT', `A request has one Host header; this one has ${count}.`)
}

/** `allowed_hosts`: names that the Host header may have beside loopback, each with a port or for every port. */
export function originCheck(allowed_hosts: readonly string[]): CheckOrigin {
  const allowed = new Set(allowed_hosts.map((host) => host.toLowerCase()))
  return ({ host: header = '', origin }) => {
    const host = header.toLowerCase()
    const [, hostname] = /^(\[[\da-f:.]+\]|[^\s:@/\\?#[\]]+)(?::\d{1,5})?$/.exec(host) ?? []
    if (hostname === undefined || !(isLoopback(hostname) || allowed.has(hostname) || allowed.has(host)))
      throw new SpineError('HOST_REFUSED', 'The Host header is neither loopback nor one of SPINE_ALLOWED_HOSTS.')
    if (origin !== undefined && !isOwn(origin, host))
      throw new SpineError('ORIGIN_REFUSED', 'The Origin header is not the origin of this server.')
  }
}
