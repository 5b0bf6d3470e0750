/** What earlier receivers answered, as history for the next one: where branches join, each brings its output. */

import type { CountTokens } from '../protocol/agent.ts'
import type { HistoryEntry } from '../protocol/envelope.ts'
import { toIso } from '../protocol/scalars.ts'
import { headAndTail } from '../rules/excerpt.ts'
import type { Row } from '../store/database.ts'

/** One entry for each delivery with an output, together at most `max_tokens`; the delivery has the whole of it. */
export function earlierOutputs(deliveries: readonly Row[], max_tokens: number, count: CountTokens): HistoryEntry[] {
  const answered = deliveries.filter((row) => row.output !== null)
  const share = Math.floor(max_tokens / Math.max(1, answered.length))
  return answered.map((row) => {
    const whole = textOf(JSON.parse(String(row.output)))
    const output = count(whole) <= share ? whole : headAndTail(whole, share, count)
    const at = toIso(Number(row.settled_at ?? row.updated_at))
    return { agent: String(row.target), action: 'completed', output, delivery_id: String(row.id), at }
  })
}

const textOf = (output: unknown): string => (typeof output === 'string' ? output : JSON.stringify(output))
