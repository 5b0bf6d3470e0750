/**
 * Webhook signatures as Standard Webhooks has them: `v1,` and the HMAC-SHA256 of `id.timestamp.body`, one per secret,
 * so that a secret can be exchanged while both are known. The timestamp is in seconds.
 */

import { createHmac } from 'node:crypto'

/** A secret is written `whsec_` and base64 of 24 to 64 bytes. */
export function isWebhookSecret(text: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text)) return false
  const { byteLength } = keyOf(text)
  return byteLength >= 24 && byteLength <= 64
}

const keyOf = (secret: string) => Buffer.from(secret.slice('whsec_'.length), 'base64')

/** The headers that prove who sent a body, and when. */
export function webhookHeaders(
  secrets: readonly string[],
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`)
    return `v1,${mac.digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    ...(signatures.length > 0 ? { 'webhook-signature': signatures.join(' ') } : {}),
  }
}
