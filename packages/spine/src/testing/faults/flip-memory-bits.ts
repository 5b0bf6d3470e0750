/** One bit of a stored memory is flipped: nothing serves it any more, and no envelope carries it. */

import { SpineError } from '../../protocol/errors.ts'
import { type Seeded, seeded } from '../seeded.ts'
import type { FaultOptions } from './fault.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { openTimed } from './timed.ts'

const BATCH = 200
/** One in so many stays whole. */
const WHOLE_ONE_IN = 20

/** Of ASCII, so that it stays a text that both databases hold. */
function flip(content: string, chance: Seeded): string {
  const at = chance.int(content.length)
  const code = content.charCodeAt(at) ^ (1 << chance.int(7))
  return content.slice(0, at) + String.fromCharCode(code === 0 ? 1 : code) + content.slice(at + 1)
}

/** `runs` counts the flips. */
export async function flipMemoryBits({ store, runs, seed, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  const placed = await store.place({ in_memory: true })
  try {
    const count = Math.ceil((runs * WHOLE_ONE_IN) / (WHOLE_ONE_IN - 1))
    const ids = Array.from({ length: count }, (_, index) => `memory-${index}`)
    const isWhole = (id: string) => Number(id.slice(7)) % WHOLE_ONE_IN === 0
    const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, index) =>
      ids.slice(index * BATCH, (index + 1) * BATCH),
    )
    const before = await openTimed(placed, { seed })
    for (const batch of batches)
      await before.spine.memories.store({
        memories: batch.map((id) => ({ id, content: `Account ${id} may pay out ${chance.int(9_000) + 1_000} EUR.` })),
      })
    const rows = await before.database.read({ sql: 'select ns, id, content from memories', params: [] })
    for (const { ns = null, id = null, content } of rows) {
      if (isWhole(String(id))) continue
      const params = [flip(String(content), chance), ns, id]
      await before.database.write(
        ['memories', 'memory_versions'].map((table) => ({
          sql: `update ${table} set content = $1 where ns = $2 and id = $3`,
          params,
        })),
      )
    }
    await before.spine.close()

    // Opened anew: nothing is remembered.
    const { spine } = await openTimed(placed, { seed, weakness: control ? 'believing_bytes' : undefined })
    const contents = new Map(rows.map((row) => [String(row.id), String(row.content)]))
    for (const id of ids) {
      const answer = await spine.memories.get({ id }).then(
        ({ content }) => (content === contents.get(id) ? 'served' : 'served damaged'),
        (error: unknown) => (error instanceof SpineError ? error.code : String(error)),
      )
      if (answer === 'served damaged') findings.add('mutated', `${id} was served to a reader`)
      else findings.expect(answer === (isWhole(id) ? 'served' : 'INTEGRITY'), `${id}: ${answer}`)
    }
    for (const batch of batches) {
      const resolved = await spine.memories.resolve({ refs: batch })
      const call = { target_agent: 'coder', task_summary: 'Pay out.', memory_ids: batch, max_tokens: 100_000 }
      const envelope = await spine.handoffs.create(call)
      for (const { id } of [...resolved.memories, ...envelope.memories])
        if (!isWhole(id)) findings.add('mutated', `${id} was resolved or sealed`)
      for (const gaps of [resolved.gaps, envelope.completeness.gaps]) {
        const damaged = gaps.filter(({ id, reason }) => reason === 'damaged' && !isWhole(id)).length
        const wanted = batch.filter((id) => !isWhole(id)).length
        findings.expect(damaged === wanted && gaps.length === wanted, `${damaged} of ${wanted} are damaged gaps`)
      }
    }
    await spine.close()
    return findings.outcome(runs)
  } finally {
    await placed.remove()
  }
}
