/**
 * Envelopes that the client hands out are sealed in memory too: frozen, so that what is sent on is what was read, and
 * remembered with the spine that stores them, so that they are sent on by their id instead of being uploaded again.
 */

import { freezeDeep } from '../protocol/canonical.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Spine } from '../protocol/spine.ts'

const stores = new WeakMap<object, Spine>()

/** Marks an envelope that `spine` answered: it is stored there, under this id, with these bytes. */
export function storedIn(spine: Spine, envelope: Envelope): Envelope {
  stores.set(envelope, spine)
  return freezeDeep(envelope)
}

/** The members that name an envelope in a call: its id where `spine` stores it, else the whole of it. */
export const named = (spine: Spine, envelope: Envelope): { envelope_id: string } | { envelope: Envelope } =>
  stores.get(envelope) === spine ? { envelope_id: envelope.id } : { envelope }
