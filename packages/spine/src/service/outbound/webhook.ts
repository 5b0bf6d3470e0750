/**
 * One attempt to deliver a webhook: the address is looked at before anything is sent, the connection goes to the very
 * address that was looked at, redirects are refused, and time and size of the answer are bounded. When to try again
 * is the caller's to decide; whether it makes sense is in the answer.
 */

import { lookup as resolveName } from 'node:dns/promises'
import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './address.ts'
import { webhookHeaders } from './signature.ts'

const PORTS = new Set(['443', '8443'])
const TIMEOUT_MS = 15_000
const MAX_ANSWER_BYTES = 1_024

type Address = { address: string; family: number }

export type Webhook = {
  url: string
  /** Stays the same over all attempts, so that the receiver can tell a repeat. */
  id: string
  /** JSON. */
  body: string
  secrets: readonly string[]
}

export type WebhookOptions = {
  /** Milliseconds since 1970. */
  now: number
  /** `host:port` that may be private, and spoken to without TLS. */
  allow?: readonly string[]
  timeout_ms?: number
  /** More of the answer is not read. */
  max_answer_bytes?: number
  signal?: AbortSignal
  resolve?: (host: string) => Promise<Address[]>
}

export type WebhookAnswer =
  | {
      ok: true
      status: number
      /** What arrived of it. */
      body: string
      /** It was longer than what is read. */
      truncated?: true
    }
  | {
      ok: false
      /** Absent: there was no answer. */
      status?: number
      reason: string
      /** False: the same call will fare no better. */
      retry: boolean
      retry_after_ms?: number
    }

const refusal = (reason: string): WebhookAnswer => ({ ok: false, reason, retry: false })

/** Why this address is never spoken to, as far as its text tells; undefined when it may be. Names are resolved later. */
export function refusedUrl(text: string, allow: readonly string[] = []): string | undefined {
  const url = URL.parse(text)
  if (!url) return 'it is no address'
  if (url.username !== '' || url.password !== '') return 'it has a user name or password in it'
  if (isAllowed(url, allow)) return undefined
  if (url.protocol !== 'https:') return 'it is not https'
  if (!PORTS.has(portOf(url))) return `port ${portOf(url)} is not one of ${[...PORTS].join(', ')}`
  if (isIP(hostOf(url)) !== 0 && !isPublicAddress(hostOf(url))) return `${hostOf(url)} is not a public address`
  return undefined
}

/** Never throws: what went wrong is the answer. */
export async function postWebhook(webhook: Webhook, options: WebhookOptions): Promise<WebhookAnswer> {
  const { allow = [], resolve = resolveAll, timeout_ms = TIMEOUT_MS } = options
  const refused = refusedUrl(webhook.url, allow)
  if (refused !== undefined) return refusal(`the webhook address is refused: ${refused}`)
  const url = new URL(webhook.url)
  const timeout = AbortSignal.timeout(timeout_ms)
  const ended = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  try {
    const addresses = isIP(hostOf(url))
      ? [{ address: hostOf(url), family: isIP(hostOf(url)) }]
      : await Promise.race([resolve(url.hostname), rejectedBy(ended)])
    const hidden = isAllowed(url, allow) ? undefined : addresses.find(({ address }) => !isPublicAddress(address))
    if (hidden) return refusal(`${url.hostname} resolves to ${hidden.address}, which is not a public address`)
    const [pinned] = addresses
    if (!pinned) return { ok: false, reason: `${url.hostname} does not resolve`, retry: true }
    return await send(url, pinned, webhook, { ...options, signal: ended })
  } catch (error) {
    return { ok: false, reason: timeout.aborted ? `no answer within ${timeout_ms} ms` : wordsOf(error), retry: true }
  }
}

const portOf = (url: URL) => url.port || (url.protocol === 'http:' ? '80' : '443')
const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, '')
const isAllowed = (url: URL, allow: readonly string[]) =>
  /^https?:$/.test(url.protocol) && allow.includes(`${url.hostname}:${portOf(url)}`)
const resolveAll = (host: string): Promise<Address[]> => resolveName(host, { all: true })
const wordsOf = (error: unknown) => (error instanceof Error ? error.message || error.name : String(error))

/** Never resolves. A name that takes too long to be found must not hold the attempt. */
function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

type SendOptions = WebhookOptions & { signal: AbortSignal }

function send(url: URL, pinned: Address, webhook: Webhook, options: SendOptions): Promise<WebhookAnswer> {
  const { now, max_answer_bytes = MAX_ANSWER_BYTES, signal } = options
  const { id, body, secrets } = webhook
  const lookup: LookupFunction = (_host, { all }, found) =>
    all ? found(null, [pinned]) : found(null, pinned.address, pinned.family)
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, {
      method: 'POST',
      lookup,
      agent: false,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'memory-spine',
        ...webhookHeaders(secrets, { id, timestamp: Math.floor(now / 1_000), body }),
      },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const { statusCode: status = 0, headers } = response
      const parts: Buffer[] = []
      let size = 0
      const done = () => {
        const text = Buffer.concat(parts).toString()
        resolve(answerOf(status, { body: text, truncated: size > max_answer_bytes }, headers['retry-after'], now))
      }
      response.on('data', (part: Buffer) => {
        parts.push(part.subarray(0, max_answer_bytes - size))
        size += part.byteLength
        if (size <= max_answer_bytes) return
        done()
        request.destroy()
      })
      response.on('end', done)
      // Half an acceptance is none: the rest may have said that it is completed. A refusal needs no more than its status.
      response.on('error', () =>
        status >= 200 && status < 300
          ? resolve({ ok: false, status, reason: `its answer ${status} broke off`, retry: true })
          : done(),
      )
    })
    request.end(body)
  })
}

/** 2xx is success, 410 and other refusals are final, the rest may pass. */
function answerOf(
  status: number,
  { body, truncated }: { body: string; truncated: boolean },
  retry_after: string | undefined,
  now: number,
): WebhookAnswer {
  if (status >= 200 && status < 300) return { ok: true, status, body, ...(truncated ? { truncated } : {}) }
  if (status >= 300 && status < 400)
    return { ok: false, status, reason: `it answered ${status}: redirects are not followed`, retry: false }
  const retry = status >= 500 || status === 408 || status === 425 || status === 429
  const wait = retryAfterMs(retry_after, now)
  return {
    ok: false,
    status,
    reason: `it answered ${status}`,
    retry,
    ...(retry && wait !== undefined ? { retry_after_ms: wait } : {}),
  }
}

/** Seconds, or a date. */
function retryAfterMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
