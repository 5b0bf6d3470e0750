/** A thread that simulates its share of the schedules to its end, and tells how far it is and what it found. */

import { parentPort, workerData } from 'node:worker_threads'
import { simulate } from '../simulation/simulate.ts'

export type Share = {
  schedules: number
  events: number
  seed: string
  from: number
  /** Milliseconds since 1970 after which no schedule is begun. */
  until: number
}

const share = workerData as Share
const { schedules, events, violations } = await simulate({
  ...share,
  goOn: () => Date.now() < share.until,
  // A proof counts all of them.
  stop: false,
  onSchedule: (done) => parentPort?.postMessage({ done }),
})
parentPort?.postMessage({ schedules, events, violations })
