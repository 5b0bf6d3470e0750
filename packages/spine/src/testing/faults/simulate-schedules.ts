/**
 * The delivery engine in simulated time: seeded schedules of crashes, pauses, late and repeated calls and clocks, held
 * against a model after every step. Its negative control puts known bugs back, and each has to be found.
 */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { mutations } from '../simulation/mutations.ts'
import { type Simulated, simulate } from '../simulation/simulate.ts'
import type { FaultOptions } from './fault.ts'
import { createFindings, type Outcome, type ViolationKind } from './outcome.ts'
import type { Share } from './simulation-worker.ts'

const EVENTS = 2_000
/** Known bugs are found in short schedules: within so many, of so many events. */
const CONTROL = { schedules: 1_000, events: 60, seed: 'known bugs', shorten: false }

const kinds: Readonly<Record<string, ViolationKind>> = {
  G2: 'lost',
  G4: 'lost',
  G5: 'dup_effects',
  G6: 'double_leases',
  G7: 'double_leases',
  G9: 'over_attempts',
  G12: 'mutated',
}

/** `runs` counts the schedules; of the negative control, the known bugs. */
export async function simulateSchedules({
  runs,
  seed,
  control = false,
  progress,
  until,
}: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  if (control) {
    const bugs = mutations().slice(0, runs)
    for (const { name, wrap, open, changed } of bugs) {
      const { violations } = await simulate({ ...CONTROL, tamper: wrap, ...(open && { openDatabase: open }) })
      if (violations.length === 0 || changed() === 0) throw new Error(`a known bug was not found: ${name}`)
      findings.add('broken', `found: ${name}`)
    }
    return findings.outcome(bugs.length)
  }
  const threads = Math.min(runs, availableParallelism())
  const share = Math.ceil(runs / threads)
  const done = new Map<number, number>()
  const parts = Array.from({ length: threads }, (_, index) => {
    const from = index * share
    const schedules = Math.min(share, runs - from)
    const given = { schedules, events: EVENTS, seed: String(seed), from, until: until ?? Number.POSITIVE_INFINITY }
    return simulateApart(given, (part_done) => {
      done.set(index, part_done)
      const all = [...done.values()].reduce((total, one) => total + one, 0)
      if (all % 100 === 0) progress?.(`${all} of ${runs} schedules`)
    })
  })
  let schedules = 0
  for (const part of await Promise.all(parts)) {
    schedules += part.schedules
    for (const { guarantee, what, seed: one } of part.violations)
      findings.add(kinds[guarantee] ?? 'broken', `${guarantee}: ${what}; SPINE_SEED=${one} brings it back`)
  }
  findings.figure('events', schedules * EVENTS)
  return findings.outcome(schedules)
}

type Part = Pick<Simulated, 'schedules' | 'violations'>

function simulateApart(share: Share, onDone: (done: number) => void): Promise<Part> {
  const worker = new Worker(new URL('./simulation-worker.ts', import.meta.url), { workerData: share })
  return new Promise((resolve, reject) => {
    worker.on('message', (message: { done: number } | Part) => {
      if ('done' in message) onDone(message.done)
      else resolve(message)
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`a thread of the simulation ended with ${code}`)))
  })
}
