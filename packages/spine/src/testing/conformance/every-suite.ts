/** One suite of promises, over a store behind every door. A new suite joins here, a new store in subjects.ts. */

import { after } from 'node:test'
import { type Door, type StoreName, subjectOf } from '../subjects.ts'
import { alertsSuite } from './alerts.ts'
import { badInputSuite } from './bad-input.ts'
import { channelsSuite } from './channels.ts'
import { constraintsSuite } from './constraints.ts'
import { deliveriesSuite } from './deliveries.ts'
import { eventsSuite } from './events.ts'
import { fidelitySuite } from './fidelity.ts'
import { forwardSuite } from './forward.ts'
import { handoffsSuite } from './handoffs.ts'
import { healthSuite } from './health.ts'
import { idempotencySuite } from './idempotency.ts'
import { importsSuite } from './imports.ts'
import { isolationSuite } from './isolation.ts'
import { lineageSuite } from './lineage.ts'
import { memoriesSuite } from './memories.ts'
import { parkedSuite } from './parked.ts'
import { previewSuite } from './preview.ts'
import { pushSuite } from './push.ts'
import { receivingSuite } from './receiving.ts'
import { regretSuite } from './regret.ts'
import { searchSuite } from './search.ts'
import { secretsSuite } from './secrets.ts'
import { agentsSuite, tasksSuite } from './tasks.ts'
import { versionsSuite } from './versions.ts'
import { waitsSuite } from './waits.ts'

const suites = [
  memoriesSuite,
  tasksSuite,
  agentsSuite,
  handoffsSuite,
  lineageSuite,
  constraintsSuite,
  fidelitySuite,
  previewSuite,
  importsSuite,
  idempotencySuite,
  deliveriesSuite,
  waitsSuite,
  receivingSuite,
  pushSuite,
  channelsSuite,
  forwardSuite,
  parkedSuite,
  eventsSuite,
  healthSuite,
  alertsSuite,
  isolationSuite,
  secretsSuite,
  searchSuite,
  regretSuite,
  versionsSuite,
  badInputSuite,
]

export function conformance(store: StoreName, door: Door): void {
  const { name, open } = subjectOf(store, door)
  for (const suite of suites) suite(name, open)
  after(async () => (await open()).close())
}
