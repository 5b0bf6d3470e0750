/** How many tokens an envelope may have: the least of what the call, the constraints and the receiver's window allow. */

import type { AgentProfile } from '../protocol/agent.ts'
import type { Constraints } from '../protocol/task.ts'

export type Budget = { max_tokens: number; set_by: 'call' | 'constraint' | 'window' | 'default' }

export function budgetOf(
  call: number | undefined,
  constraints: Constraints,
  profile: AgentProfile | undefined,
  otherwise: number,
): Budget {
  const ceiling = constraints.max_tokens
  const window =
    profile?.context_window === undefined ? undefined : Math.max(1, profile.context_window - profile.reserved_tokens)
  const limits: Budget[] = []
  if (call !== undefined) limits.push({ max_tokens: call, set_by: 'call' })
  // One below 1 can come with an envelope made elsewhere: it allows next to nothing, it is not no ceiling.
  if (typeof ceiling === 'number') limits.push({ max_tokens: Math.max(1, Math.floor(ceiling)), set_by: 'constraint' })
  if (window !== undefined) limits.push({ max_tokens: window, set_by: 'window' })
  return (
    limits.toSorted((left, right) => left.max_tokens - right.max_tokens)[0] ?? {
      max_tokens: otherwise,
      set_by: 'default',
    }
  )
}
