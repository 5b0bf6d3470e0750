/** What is found when the load on a cluster ends: what became of all that was sent, of its nodes, and of its speed. */

import { check } from './checker.ts'
import type { Meter } from './meter.ts'
import type { Node } from './nodes.ts'
import type { Findings } from './outcome.ts'
import type { Traffic } from './traffic.ts'

type Load = { traffic: Traffic; meter: Meter; nodes: readonly Node[]; drain_ms: number }

/** Stops the senders, waits at most `drain_ms` for what is under way, and adds what it finds. */
export async function reckon(findings: Findings, { traffic, meter, nodes, drain_ms }: Load): Promise<void> {
  meter.stop()
  await traffic.stopSending()
  findings.take(check(await traffic.drain(drain_ms)))
  for (const { died_alone } of nodes)
    findings.expect(died_alone() === undefined, `a node ended by itself ${died_alone()}`)
  findings.figure('acknowledged_sends', traffic.acknowledged())
  for (const [name, value] of Object.entries(meter.figures())) findings.figure(name, value)
}
