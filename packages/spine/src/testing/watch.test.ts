// What a spine that watches over handoffs counts and says, with time in the hand of the test.

import { after } from 'node:test'
import { timedAlertsSuite } from './conformance/alerts.ts'
import { timedHealthSuite } from './conformance/health.ts'
import { pushAlertsSuite } from './conformance/push-in-time.ts'
import { timedSubjects } from './subjects.ts'

for (const { name, open } of timedSubjects('sqlite', { watch: true })) {
  timedHealthSuite(name, open)
  timedAlertsSuite(name, open)
  pushAlertsSuite(name, open)
  after(async () => (await open()).close())
}
