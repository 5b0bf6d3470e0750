/** Receivers that are not upgraded yet, or already. */

import type { Agent } from '../protocol/agent.ts'
import type { Spine } from '../protocol/spine.ts'
import { CURRENT_VERSION } from '../protocol/versions.ts'

/** `behind` reads the major version before this one and no other, `ahead` the next one too. */
export type ReceiverVersion = 'behind' | 'current' | 'ahead'

/**
 * Registers an agent that says which envelopes it reads. What it cannot read is parked for it and never handed out. A
 * sender that is ahead of its receiver is the fault `newer_minor` or `newer_major` of `faultySpine`.
 */
export function registerReceiver(spine: Spine, name: string, version: ReceiverVersion): Promise<Agent> {
  const major = Number.parseInt(CURRENT_VERSION, 10)
  const accepts = { behind: [major - 1], current: [major], ahead: [major, major + 1] }[version]
  return spine.agents.put({ name, accepts_versions: accepts.map(String) })
}
