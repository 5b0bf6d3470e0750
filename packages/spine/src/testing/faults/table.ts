/** Every fault once: which guarantees it is about, how it is made, how its protection is taken away, how much is run. */

import { breakCluster } from './cluster.ts'
import { cutPower } from './cut-power.ts'
import { canReplicate, failOver } from './fail-over.ts'
import { failSync } from './fail-sync.ts'
import type { FaultOptions } from './fault.ts'
import { canFillDisks, fillDisk } from './fill-disk.ts'
import { flipBits } from './flip-bits.ts'
import { flipMemoryBits } from './flip-memory-bits.ts'
import { fuzz } from './fuzz.ts'
import { jumpClock } from './jump-clock.ts'
import { killReceivers } from './kill-receivers.ts'
import { killServer } from './kill-server.ts'
import { lateAcks } from './late-acks.ts'
import type { Outcome } from './outcome.ts'
import { pauseReceivers } from './pause-receivers.ts'
import { poison } from './poison.ts'
import { pushToReceivers } from './push-receivers.ts'
import { redriveStorm } from './redrive-storm.ts'
import { repeatAcks } from './repeat-acks.ts'
import { simulateSchedules } from './simulate-schedules.ts'
import { slowReceivers } from './slow-receivers.ts'
import type { FaultStore } from './stores.ts'
import { thunderingHerd } from './thundering-herd.ts'
import { canWatchSyncs, watchSyncs } from './watch-syncs.ts'

export type Fault = {
  /** What `--only` calls it. */
  part: string
  /** Numbers of the guarantees that it tries to break. */
  guarantees: readonly string[]
  fault: string
  /** What one run is. */
  unit: string
  /** The protection that its negative control does without. */
  control: string
  run(options: FaultOptions): Promise<Outcome>
  /** Runs of the short form, of the long form, and of the negative control. */
  runs: { short: number; long: number; control: number }
  /** Real processes are killed, stopped or flooded, or time is in the hand of the fault; the simulation has its own tests. */
  group: 'processes' | 'in_process' | 'simulation'
  /** It says something about PostgreSQL too: its short form is one of the tests there, or the proof alone has it. */
  postgres?: 'tests' | 'proof'
  /** Whether this machine lets it be made; default yes. */
  possible?: () => boolean
}

export const faults: readonly Fault[] = Object.freeze<Fault[]>([
  {
    part: 'simulation',
    guarantees: ['G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G9', 'G11', 'G12', 'G13', 'G18'],
    fault: 'simulated schedules of 2,000 crashes, pauses, late and repeated calls, and clocks',
    unit: 'schedules',
    control: 'known bugs that are put back, each',
    run: simulateSchedules,
    runs: { short: 4, long: 10_000, control: 100 },
    group: 'simulation',
  },
  {
    part: 'kill',
    guarantees: ['G1', 'G2', 'G3', 'G4', 'G5', 'G16'],
    fault: 'kill -9 of the server under load, at random moments and around commits',
    unit: 'kills',
    control: 'a server that answers before it writes',
    run: killServer,
    runs: { short: 3, long: 1_000, control: 1 },
    group: 'processes',
    postgres: 'proof',
  },
  {
    part: 'cluster',
    guarantees: ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G8', 'G16'],
    fault: 'three nodes on one PostgreSQL: nodes killed and cut off, connections ended, the database restarted',
    unit: 'rounds of 10 s',
    control: 'nodes that answer from a memory of their own',
    run: breakCluster,
    runs: { short: 1, long: 60, control: 1 },
    group: 'processes',
  },
  {
    part: 'failover',
    guarantees: ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G16'],
    fault: 'a primary that is lost under load, and its synchronous standby promoted, also after it had been cut off',
    unit: 'promotions',
    control: 'a standby that nobody waits for',
    run: failOver,
    runs: { short: 1, long: 20, control: 1 },
    group: 'processes',
    possible: canReplicate,
  },
  {
    part: 'power',
    guarantees: ['G1'],
    fault: 'loss of power after each commit: the log cut at every frame and within it',
    unit: 'commits',
    control: 'synchronous = NORMAL',
    run: cutPower,
    runs: { short: 20, long: 10_000, control: 20 },
    group: 'in_process',
  },
  {
    part: 'syncs',
    guarantees: ['G1'],
    fault: 'the order of system calls: the log is synced before an answer is written',
    unit: 'sends',
    control: 'synchronous = NORMAL',
    run: watchSyncs,
    runs: { short: 20, long: 1_000, control: 20 },
    group: 'processes',
    possible: canWatchSyncs,
  },
  {
    part: 'io',
    guarantees: ['G1'],
    fault: 'syncs and writes of the log that fail: the server ends, what it had answered is there',
    unit: 'failures',
    control: 'nobody is told that the file failed',
    run: failSync,
    runs: { short: 1, long: 40, control: 1 },
    group: 'processes',
  },
  {
    part: 'disk',
    guarantees: ['G17'],
    fault: 'a full disk: sends are refused, acknowledgements pass, space brings the store back',
    unit: 'disks',
    control: 'no reserve beside the store',
    run: fillDisk,
    runs: { short: 1, long: 10, control: 1 },
    group: 'processes',
    possible: canFillDisks,
  },
  {
    part: 'receivers',
    guarantees: ['G3', 'G8'],
    fault: 'kill -9 of receivers in the middle of their leases',
    unit: 'kills',
    control: 'effects without an inbox',
    run: killReceivers,
    runs: { short: 2, long: 300, control: 2 },
    group: 'processes',
    postgres: 'proof',
  },
  {
    part: 'poison',
    guarantees: ['G10'],
    fault: 'an envelope that ends the process of whoever handles it',
    unit: 'envelopes',
    control: 'attempts that are not counted',
    run: poison,
    runs: { short: 30, long: 3_000, control: 10 },
    group: 'processes',
    postgres: 'proof',
  },
  {
    part: 'pause',
    guarantees: ['G6', 'G7'],
    fault: 'SIGSTOP of a receiver past its leases, then SIGCONT',
    unit: 'stale answers',
    control: 'leases without a fence',
    run: pauseReceivers,
    runs: { short: 50, long: 1_000, control: 20 },
    group: 'processes',
    postgres: 'proof',
  },
  {
    part: 'acks',
    guarantees: ['G7'],
    fault: 'each acknowledgement three times at once',
    unit: 'deliveries',
    control: 'settlements that do not look at the state',
    run: repeatAcks,
    runs: { short: 64, long: 10_000, control: 16 },
    group: 'processes',
    postgres: 'proof',
  },
  {
    part: 'fuzz',
    guarantees: ['G17'],
    fault: 'hostile requests to every route of the contract',
    unit: 'inputs',
    control: 'a server that writes before it looks',
    run: fuzz,
    runs: { short: 2_000, long: 100_000, control: 200 },
    group: 'processes',
    postgres: 'proof',
  },
  {
    part: 'late',
    guarantees: ['G6', 'G7'],
    fault: 'acknowledgements after the lease: before a sweep, after it, after a new claim',
    unit: 'late answers',
    control: 'leases without a fence',
    run: lateAcks,
    runs: { short: 50, long: 1_000, control: 20 },
    group: 'in_process',
    postgres: 'proof',
  },
  {
    part: 'clock',
    guarantees: ['G8', 'G18'],
    fault: 'the wall clock jumps by an hour and by a second; the store is opened an hour in its past',
    unit: 'live leases',
    control: 'a clock that follows the wall clock, a start that believes the store',
    run: jumpClock,
    runs: { short: 200, long: 10_000, control: 100 },
    group: 'in_process',
    postgres: 'proof',
  },
  {
    part: 'bits',
    guarantees: ['G12'],
    fault: 'one bit of a stored envelope is flipped',
    unit: 'flips',
    control: 'stored bytes that are believed',
    run: flipBits,
    runs: { short: 200, long: 1_000, control: 100 },
    group: 'in_process',
    postgres: 'tests',
  },
  {
    part: 'memory_bits',
    guarantees: ['G12'],
    fault: 'one bit of a stored memory is flipped',
    unit: 'flips',
    control: 'stored bytes that are believed',
    run: flipMemoryBits,
    runs: { short: 200, long: 1_000, control: 100 },
    group: 'in_process',
    postgres: 'tests',
  },
  {
    part: 'redrive',
    guarantees: ['G2', 'G3'],
    fault: 'a full dead-letter box is redriven twice at once and one by one',
    unit: 'deliveries',
    control: 'a redrive that does not look whether it is parked',
    run: redriveStorm,
    runs: { short: 300, long: 10_000, control: 100 },
    group: 'in_process',
    postgres: 'tests',
  },
  {
    part: 'slow',
    guarantees: ['G3', 'G9'],
    fault: 'receivers that take ten times their lease, with heartbeats and without',
    unit: 'deliveries',
    control: 'heartbeats that are lost, attempts that are not counted',
    run: slowReceivers,
    runs: { short: 30, long: 200, control: 20 },
    group: 'in_process',
    postgres: 'proof',
  },
  {
    part: 'push',
    guarantees: ['G2', 'G3', 'G9'],
    fault: 'receivers that are pushed to and die, hang, forget, redirect or shed load, under two nodes',
    unit: 'deliveries',
    control: 'effects without an inbox',
    run: pushToReceivers,
    runs: { short: 40, long: 3_000, control: 30 },
    group: 'in_process',
    postgres: 'proof',
  },
  {
    part: 'herd',
    guarantees: ['G9', 'G11'],
    fault: 'a target that comes back to a full inbox: retries are spread, one probe is handed out',
    unit: 'deliveries',
    control: 'no jitter, and a probe for everybody',
    run: thunderingHerd,
    runs: { short: 600, long: 10_000, control: 300 },
    group: 'in_process',
    postgres: 'tests',
  },
])

/** Whether a fault is made on this store. Those that bring a server of their own are made once. */
export const isMadeOn = (store: FaultStore, { postgres }: Fault): boolean =>
  store.name === 'sqlite' || postgres !== undefined

/** A fault by its words, and the store where it is not the usual one. */
export const titleOf = ({ fault }: Fault, store: FaultStore['name']): string =>
  store === 'sqlite' ? fault : `${fault}, on PostgreSQL`
