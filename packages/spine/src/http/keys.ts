/** Keys: who may call, for which namespace, as which agent. Only their digests are known here. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { SpineError } from '../protocol/errors.ts'
import { name as nameSchema } from '../protocol/scalars.ts'
import type { Identity } from '../protocol/spine.ts'

export type Key = Readonly<{
  /** For people and logs. */
  name: string
  identity: Readonly<Identity>
  /** Of the key as it is sent. */
  sha256: Buffer
}>

/** Says who asks, or throws UNAUTHENTICATED, FORBIDDEN or INVALID_INPUT. */
export type Authenticate = (headers: IncomingHttpHeaders) => { identity: Identity; key?: string }

const form = 'name:namespace:sha256 or name:namespace:sha256:agent'

/** The entry itself is never shown: a key pasted where its digest belongs would end up in a log. */
function parseKey(entry: string, index: number): Key {
  const refuse = (what: string): never => {
    throw new SpineError('INVALID_INPUT', `Key ${index + 1} of SPINE_API_KEYS ${what}. The form is ${form}.`)
  }
  const parts = entry.split(':')
  const [name = '', namespace = '', digest = '', agent] = parts
  if (parts.length < 3 || parts.length > 4) refuse(`has ${parts.length} parts`)
  const named = { name, namespace, ...(agent !== undefined && { agent }) }
  for (const [part, text] of Object.entries(named))
    if (!nameSchema.safeParse(text).success) refuse(`has no good ${part}`)
  if (!/^[\da-f]{64}$/i.test(digest)) refuse('has no sha256 of 64 hexadecimal digits as its third part')
  const identity = Object.freeze({ namespace, ...(agent !== undefined && { agent }) })
  return Object.freeze({ name, identity, sha256: Buffer.from(digest, 'hex') })
}

/** Reads `name:namespace:sha256[:agent],...`, the form of SPINE_API_KEYS. Throws INVALID_INPUT. */
export function parseKeys(text: string): readonly Key[] {
  const entries = text.split(',').map((entry) => entry.trim())
  const keys = entries.filter(Boolean).map(parseKey)
  const digests = keys.map(({ sha256 }) => sha256.toString('hex'))
  const twice = digests.findIndex((digest, index) => digests.indexOf(digest) < index)
  if (twice >= 0) throw new SpineError('INVALID_INPUT', `Key ${twice + 1} of SPINE_API_KEYS was given before.`)
  return Object.freeze(keys)
}

function byKey(keys: readonly Key[]): Authenticate {
  return ({ authorization, 'spine-namespace': wanted }) => {
    const [, presented] = /^Bearer +([^\s]+)$/i.exec(authorization ?? '') ?? []
    if (presented === undefined)
      throw new SpineError('UNAUTHENTICATED', 'The request has no Authorization: Bearer header.')
    const digest = createHash('sha256').update(presented).digest()
    let found: Key | undefined
    // All of them are compared, so that the time tells nothing about where one matched.
    for (const key of keys) if (timingSafeEqual(key.sha256, digest)) found = key
    if (!found) throw new SpineError('UNAUTHENTICATED', 'The key is not one of this server.')
    if (wanted !== undefined && wanted !== found.identity.namespace)
      throw new SpineError('FORBIDDEN', `The key belongs to the namespace ${found.identity.namespace}.`)
    return { identity: found.identity, key: found.name }
  }
}

const byHeader: Authenticate = ({ 'spine-namespace': wanted = 'default' }) => {
  const namespace = nameSchema.safeParse(wanted)
  if (namespace.success && /^[\x20-\x7e]+$/.test(namespace.data)) return { identity: { namespace: namespace.data } }
  throw new SpineError('INVALID_INPUT', 'Spine-Namespace is not a name in visible ASCII characters.', {
    issues: [{ path: 'Spine-Namespace', message: 'is not a name' }],
  })
}

/** With keys the key decides; without, everybody is let in and the header Spine-Namespace decides. */
export const authenticator = (keys: readonly Key[]): Authenticate => (keys.length > 0 ? byKey(keys) : byHeader)
