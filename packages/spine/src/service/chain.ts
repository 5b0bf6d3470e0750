/** The place of a new envelope in its chain: hop, limits, path, and whether the work goes in a circle. */

import { canonicalBytes, sha256 } from '../protocol/canonical.ts'
import type { Chain, CycleRule, Draft } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { handoffDefaults } from '../protocol/handoff.ts'
import { isCircle, nextLimits, type Step } from '../rules/hops.ts'
import type { Previous } from './previous.ts'

/** Steps that the rule against circles remembers. */
const MAX_TRAIL = 256

/** What the envelope can say, however often a person let a chain go on. */
const MAX_CHAIN = 128

export type ChainCall = {
  id: string
  sender: string
  target: string
  max_hops: number | undefined
  cycle: CycleRule | undefined
}

/** Throws HOP_LIMIT with the path. */
export function chainOf(call: ChainCall, previous: Previous): Chain {
  const before = previous.envelopes.map((envelope) => envelope.chain)
  const next = nextLimits(before, { max_hops: call.max_hops, cycle: call.cycle }, handoffDefaults)
  const max_hops = Math.min(next.max_hops + previous.extra_hops, MAX_CHAIN)
  const longest = before.toSorted((left, right) => right.hop - left.hop)[0]
  const path = [...(longest?.path ?? [])]
  if (path.at(-1) !== call.sender) path.push(call.sender)
  path.push(call.target)
  if (next.hop > max_hops)
    throw new SpineError('HOP_LIMIT', `This would be hop ${next.hop} of at most ${max_hops} (\`max_hops\`).`, {
      path,
      max_hops,
    })
  return {
    root_id: longest?.root_id ?? call.id,
    previous: previous.envelopes.map((envelope) => ({ id: envelope.id, digest: envelope.digest })),
    hop: next.hop,
    max_hops,
    path,
    cycle: previous.cycle ?? next.cycle,
    linked: previous.linked,
  }
}

/** The trail with this step. Throws CYCLE, or warns, when nothing has changed since the same pair had it before. */
export function trailOf(draft: Draft, previous: Previous, warn: (warning: string) => void): Step[] {
  const { task, constraints, chain, source_agent: from, target_agent: to } = draft
  const changing = { state: task.state, amendments: task.amendments, constraints, summary: task.summary }
  const step = { from, to, fingerprint: sha256(canonicalBytes(changing)).slice(0, 16) }
  if (chain.cycle !== 'off' && isCircle(previous.trail, step)) {
    const said = `${from} hands the same work to ${to} for the third time with nothing changed.`
    if (chain.cycle === 'stop') throw new SpineError('CYCLE', said, { path: chain.path })
    warn(said)
  }
  return [...previous.trail, step].slice(-MAX_TRAIL)
}
