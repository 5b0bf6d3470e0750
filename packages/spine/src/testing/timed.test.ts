// The promises about time, with time in the hand of the test: leases, backoff, deadlines, and the delivery table.

import { after } from 'node:test'
import { breakerSuite } from './conformance/breaker.ts'
import { deliveryTableSuite } from './conformance/delivery-table.ts'
import { timedEventsSuite } from './conformance/events.ts'
import { leasesSuite } from './conformance/leases.ts'
import { parkedInTimeSuite } from './conformance/parked.ts'
import { retentionSuite } from './conformance/retention.ts'
import { timedSubjects } from './subjects.ts'

for (const { name, open } of timedSubjects()) {
  leasesSuite(name, open)
  parkedInTimeSuite(name, open)
  breakerSuite(name, open)
  deliveryTableSuite(name, open)
  timedEventsSuite(name, open)
  retentionSuite(name, open)
  after(async () => (await open()).close())
}
