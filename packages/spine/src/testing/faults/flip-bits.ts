/** One bit of a stored envelope is flipped: it is found when it is read, never handed out, and its delivery is parked. */

import { SpineError } from '../../protocol/errors.ts'
import { type Seeded, seeded } from '../seeded.ts'
import type { FaultOptions } from './fault.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'
import { openTimed } from './timed.ts'

const AGENT = 'coder'
const BATCH = 256
/** One in so many stays whole. */
const WHOLE_ONE_IN = 20
/** What JSON can write in more than one way: a flip may change the bytes and not the meaning. */
const intent = 'Escapes \u001f\u000b\u001a\u000e, a quote ", a line end \n and a word é日本.'

/** Anywhere; one in ten inside of an escape, where upper case would mean the same. */
function flip(body: Uint8Array, chance: Seeded): Uint8Array {
  const flipped = Uint8Array.from(body)
  const escaped = Buffer.from(body).indexOf('\\u00')
  const in_escape = chance.int(10) === 0
  const at = in_escape ? escaped + 5 : chance.int(flipped.length)
  const bit = in_escape ? 5 : chance.int(8)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
  return flipped
}

/** `runs` counts the flips. */
export async function flipBits({ store, runs, seed, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  const placed = await store.place({ in_memory: true })
  try {
    const count = Math.ceil((runs * WHOLE_ONE_IN) / (WHOLE_ONE_IN - 1))
    const isWhole = (id: string) => Number(id.slice(4)) % WHOLE_ONE_IN === 0
    const before = await openTimed(placed, { seed })
    for (let done = 0; done < count; done += BATCH) {
      const ids = Array.from({ length: Math.min(BATCH, count - done) }, (_, index) => `env-${done + index}`)
      await Promise.all(
        ids.map((id) => before.spine.deliveries.send({ envelope: sealed({ id, target_agent: AGENT, intent }) })),
      )
    }
    const rows = await before.database.read({ sql: 'select ns, id, body from envelopes', params: [] })
    for (const { ns = null, id = null, body } of rows) {
      if (isWhole(String(id))) continue
      const flipped = flip(body as Uint8Array, chance)
      const sql = 'update envelopes set body = $1 where ns = $2 and id = $3'
      await before.database.write([{ sql, params: [flipped, ns, id] }])
    }
    await before.spine.close()

    // Opened anew: nothing is remembered.
    const { spine } = await openTimed(placed, { seed, weakness: control ? 'believing_bytes' : undefined })
    for (const { id } of rows) {
      const envelope_id = String(id)
      const answer = await spine.handoffs.get({ id: envelope_id }).then(
        () => 'served',
        (error: unknown) => (error instanceof SpineError ? error.code : String(error)),
      )
      if (isWhole(envelope_id)) findings.expect(answer === 'served', `whole: ${answer}`)
      else if (answer === 'served') findings.add('mutated', `${envelope_id} was served to a reader`)
      else findings.expect(answer === 'INTEGRITY', `${envelope_id}: ${answer}`)
    }
    for (let turn = 0; turn <= count; turn += BATCH) {
      const { deliveries } = await spine.deliveries.receive({ agent: AGENT, max: BATCH, wait_ms: 0 })
      for (const { envelope_id } of deliveries)
        if (!isWhole(envelope_id)) findings.add('mutated', `${envelope_id} was handed out`)
    }
    for (const { envelope_id, state, reason } of await ledgerOf(spine)) {
      const wanted = isWhole(envelope_id) ? 'leased' : 'parked'
      findings.expect(state === wanted, `${envelope_id} is ${state} (${reason ?? ''})`)
    }
    await spine.close()
    return findings.outcome(runs)
  } finally {
    await placed.remove()
  }
}
