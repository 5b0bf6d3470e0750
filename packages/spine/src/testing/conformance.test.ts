// One suite of promises over every store behind every door. A new store joins in subjects.ts.

import { after } from 'node:test'
import { alertsSuite } from './conformance/alerts.ts'
import { badInputSuite } from './conformance/bad-input.ts'
import { channelsSuite } from './conformance/channels.ts'
import { constraintsSuite } from './conformance/constraints.ts'
import { deliveriesSuite } from './conformance/deliveries.ts'
import { eventsSuite } from './conformance/events.ts'
import { fidelitySuite } from './conformance/fidelity.ts'
import { forwardSuite } from './conformance/forward.ts'
import { handoffsSuite } from './conformance/handoffs.ts'
import { healthSuite } from './conformance/health.ts'
import { idempotencySuite } from './conformance/idempotency.ts'
import { importsSuite } from './conformance/imports.ts'
import { isolationSuite } from './conformance/isolation.ts'
import { lineageSuite } from './conformance/lineage.ts'
import { memoriesSuite } from './conformance/memories.ts'
import { parkedSuite } from './conformance/parked.ts'
import { previewSuite } from './conformance/preview.ts'
import { receivingSuite } from './conformance/receiving.ts'
import { regretSuite } from './conformance/regret.ts'
import { searchSuite } from './conformance/search.ts'
import { secretsSuite } from './conformance/secrets.ts'
import { agentsSuite, tasksSuite } from './conformance/tasks.ts'
import { versionsSuite } from './conformance/versions.ts'
import { subjects } from './subjects.ts'

const suites = [
  memoriesSuite,
  searchSuite,
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
  receivingSuite,
  channelsSuite,
  forwardSuite,
  parkedSuite,
  eventsSuite,
  healthSuite,
  alertsSuite,
  isolationSuite,
  regretSuite,
  versionsSuite,
  secretsSuite,
  badInputSuite,
]

for (const { name, open } of subjects()) {
  for (const suite of suites) suite(name, open)
  after(async () => (await open()).close())
}
