/** Receivers that are not upgraded yet, or already. */

import type { Agent } from '../protocol/agent.ts'
import type { Spine } from '../protocol/spine.ts'
import { CURRENT_VERSION } from '../protocol/versions.ts'

/**
 * `behind` reads the major version before this one and no other, `ahead` the next one too, `stranger` none that is
 * written here.
 */
export type ReceiverVersion = 'behind' | 'current' | 'ahead' | 'stranger'

/**
 * Registers an agent that says which envelopes it reads. It is given the newest version that it can read; where there
 * is none, what is sent to it is parked. A sender that is ahead of its receiver is the fault `newer_minor` or
 * `newer_major` of `faultySpine`.
 */
export function registerReceiver(spine: Spine, name: string, version: ReceiverVersion): Promise<Agent> {
  const major = Number.parseInt(CURRENT_VERSION, 10)
  const accepts = { behind: [major - 1], current: [major], ahead: [major, major + 1], stranger: [major + 7] }[version]
  return spine.agents.put({ name, accepts_versions: accepts.map(String) })
}
