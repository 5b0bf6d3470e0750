/** Why completeness is low: the memory that most of the latest gaps point to, if there is one. */

import type { Judgement } from '../rules/alerts.ts'
import { incompleteEnvelopes } from '../store/health.ts'
import type { Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'

/** Envelopes that are read for it. */
const LATEST = 50

/** The same judgement, with its cause where it has one. */
export async function withGapCause(
  { database }: Service,
  envelopes: Envelopes,
  ns: string,
  judgement: Judgement,
): Promise<Judgement> {
  if (judgement.rule !== 'completeness_low') return judgement
  const { target = null } = judgement
  const rows = await database.read(incompleteEnvelopes(database.dialect, { ns, target, limit: LATEST }))
  const found = await envelopes.findMany(
    ns,
    rows.map((row) => String(row.id)),
  )
  const gaps = [...found.values()].flatMap(({ completeness }) => completeness.gaps)
  const byMemory = [...Map.groupBy(gaps, ({ id }) => id)].toSorted(([, left], [, right]) => right.length - left.length)
  const [memory_id, its = []] = byMemory[0] ?? []
  if (memory_id === undefined || its.length <= gaps.length / 2) return judgement
  return {
    ...judgement,
    about: { ...judgement.about, memory_id },
    facts: { ...judgement.facts, memory_id, its: its.length, latest: gaps.length, reason: its[0]?.reason },
  }
}
