/** The promises about time, with time in the hand of the test: leases, backoff, deadlines, and the delivery table. */

import { after } from 'node:test'
import { type StoreName, timedSubjects } from '../subjects.ts'
import { archiveSuite } from './archive.ts'
import { breakerSuite } from './breaker.ts'
import { damageSuite } from './damage.ts'
import { deliveryTableSuite } from './delivery-table.ts'
import { timedEventsSuite } from './events.ts'
import { leasesSuite } from './leases.ts'
import { parkedInTimeSuite } from './parked.ts'
import { timedPushSuite } from './push-in-time.ts'
import { retentionSuite } from './retention.ts'

export function timedConformance(store: StoreName): void {
  for (const { name, open } of timedSubjects(store)) {
    leasesSuite(name, open)
    parkedInTimeSuite(name, open)
    breakerSuite(name, open)
    deliveryTableSuite(name, open)
    timedEventsSuite(name, open)
    retentionSuite(name, open)
    timedPushSuite(name, open)
    archiveSuite(name, open)
    damageSuite(name, open)
    after(async () => (await open()).close())
  }
}
