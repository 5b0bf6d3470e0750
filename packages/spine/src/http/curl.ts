/** Operations as commands that can be pasted into a shell. */

import { exampleOf } from './examples.ts'
import type { DescribedOperation } from './schemas.ts'

export type CurlTarget = { endpoint: string; needs_key: boolean }

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** A call of curl over several lines. `body`: as it stands in the shell, with its quotes. */
export function curlLines(
  { endpoint, needs_key }: CurlTarget,
  method: string,
  path: string,
  headers: readonly string[],
  body?: string,
): string {
  const lines = [
    `curl -sS${method === 'GET' || (method === 'POST' && body !== undefined) ? '' : ` -X ${method}`} ${quotedUrl(endpoint + path)}`,
  ]
  if (needs_key) lines.push('-H "authorization: Bearer $SPINE_API_KEY"')
  for (const header of headers) lines.push(`-H ${quoted(header)}`)
  if (body !== undefined) lines.push(`-H 'content-type: application/json'`, body)
  return lines.join(' \\\n  ')
}

/** Variables of the shell are left to the shell. */
const quotedUrl = (url: string) => (url.includes('$') ? `"${url}"` : /[?&*]/.test(url) ? quoted(url) : url)

export function curlOf({ id, operation, parameters }: DescribedOperation, target: CurlTarget): string {
  const members = new Map(Object.entries(exampleOf(id)))
  const take = (member: string) => {
    const value = String(members.get(member) ?? member)
    members.delete(member)
    return value
  }
  const path = operation.path.replace(/:(\w+)/g, (_, member: string) => encodeURIComponent(take(member)))
  const headers = parameters
    .filter((parameter) => parameter.in === 'header' && members.has(parameter.member))
    .map(({ name, member }) => `${name}: ${take(member)}`)
  if (operation.document) return curlLines(target, operation.method, path, headers, '--data-binary @envelope.json')
  const query = new URLSearchParams(
    parameters
      .filter((parameter) => parameter.in === 'query' && members.has(parameter.member))
      .map(({ name, member }) => [name, take(member)]),
  ).toString()
  const body = members.size > 0 ? `-d ${quoted(JSON.stringify(Object.fromEntries(members)))}` : undefined
  return curlLines(target, operation.method, query ? `${path}?${query}` : path, headers, body)
}
