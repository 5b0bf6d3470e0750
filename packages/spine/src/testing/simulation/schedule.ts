/**
 * One schedule: a server under a clock and a chance of its own, callers that do everything at any time, a server that
 * dies, and after every step the model and the promises. At the end everybody behaves well, and all of it must drain.
 */

import { createSpine } from '../../service/spine.ts'
import type { Database } from '../../store/database.ts'
import { seeded } from '../seeded.ts'
import { emptyStanding } from './book.ts'
import type { Call } from './call.ts'
import { startCommand } from './commands.ts'
import { drain } from './drain.ts'
import { explain, type Observed } from './explain.ts'
import { endedTwice, finalState, wrongEnvelope } from './final-state.ts'
import { createGate, type Gate } from './gate.ts'
import { brokenPromise, halfPublished, type Violation } from './invariants.ts'
import { endLeases, freeProbes, passDeadlines, returnFromFuture } from './lease-rules.ts'
import { addTo, checksum, type Journal, movingDeliveries, openJournal, seenBreakers, seenKeys } from './seen.ts'
import { agents, fallbacks } from './sender-rules.ts'
import { createSimTime } from './sim-time.ts'
import { moodOf, type Step } from './steps.ts'
import type { World } from './world.ts'

/** What the simulation runs on. A database that is opened again after a crash must hold what was answered before. */
export type OpenDatabase = () => Promise<Database>

export type ScheduleOptions = {
  seed: string
  steps: readonly Step[]
  open: OpenDatabase
  /** Lies between the engine and the database: for bugs that are put back on purpose. */
  tamper?: ((database: Database) => Database) | undefined
  trace?: ((line: string) => void) | undefined
}

export type ScheduleResult = {
  violation?: Violation & { step: number }
  /** Of all rows at the end: the same seed ends in the same state, whatever the database. */
  digest: string
  events: number
}

/** A key may be all that a call without an answer left behind. */
type Look = 'written' | 'written and keys' | 'all'

class BrokenPromise extends Error {
  readonly violation: Violation
  constructor(violation: Violation) {
    super(violation.what)
    this.violation = violation
  }
}

/** The engine ends leases and passes deadlines this often. */
const SWEEP_MS = 500
const START = Date.UTC(2026, 0, 5, 10)

export async function runSchedule({ seed, steps, open, tamper, trace }: ScheduleOptions): Promise<ScheduleResult> {
  const ns = `sim-${seed}`
  const time = createSimTime(START)
  const standing = emptyStanding()
  let drawn = seeded(seed, 'start')
  const chance = { uniform: () => drawn.uniform(), hex: (digits: number) => drawn.hex(digits) }
  let database = await open()
  let gate: Gate
  let journal: Journal
  /** When the engine looks at the time by itself, next. */
  let sweeps_at = 0

  const begin = async (): Promise<World['spine']> => {
    gate = createGate(database, (below) => drawn.int(below))
    const between = tamper ? tamper(gate.database) : gate.database
    // Secrets are another matter, with tests of their own.
    const options = { namespace: ns, watch: false, push: false, secrets: 'off' } as const
    const starting = createSpine({ database: between, clock: time.begin(), chance, ...options })
    await gate.settle()
    journal = await openJournal(database, ns)
    sweeps_at = time.now() + SWEEP_MS
    return starting
  }

  const world: World = {
    spine: await begin(),
    now: time.now,
    mood: moodOf(seed),
    parked: () =>
      [...standing.live.values()]
        .filter(({ state }) => state === 'parked')
        .map(({ id }) => id)
        .sort(),
    leases: [],
    open: [],
    known: [],
    hops: new Map(),
    envelopes: 0,
    channels: 0,
    publications: new Map(),
    calls: [],
    pending: [],
  }

  const adopt = (observed: Observed): void => {
    for (const row of observed.deliveries.values()) {
      const before = standing.live.get(row.key) ?? standing.over.get(row.key)
      if (before) addTo(standing.sums, before, -1)
      addTo(standing.sums, row, 1)
      standing.ids.set(row.id, row.key)
      standing.live.delete(row.key)
      const place = row.settled_at === null ? standing.live : standing.over
      place.set(row.key, row)
      if (row.last !== 'forward' || row.successor === null) continue
      const hop = (world.hops.get(row.envelope_id) ?? 1) + 1
      world.hops.set(row.successor, Math.max(hop, world.hops.get(row.successor) ?? 0))
    }
    standing.breakers = new Map(observed.breakers)
  }

  /** Looks at what a step wrote, or, where another server begins and at the end, at everything. */
  const look = async (look_at: Look): Promise<Observed> => {
    const { rows, gone } = await journal.changed()
    if (gone.length > 0) throw new BrokenPromise({ guarantee: 'G2', what: `${gone.join(', ')} is gone` })
    const complete = look_at === 'all'
    return {
      now: time.now(),
      complete,
      deliveries: complete ? new Map([...rows, ...(await movingDeliveries(database, ns))]) : rows,
      breakers: await seenBreakers(database, ns),
      ...(look_at === 'written' ? {} : { keys: await seenKeys(database, ns) }),
    }
  }

  /** Holds a step against the promises and the model, and takes over what it led to. */
  const check = async (calls: readonly Call[], strict: boolean, look_at: Look): Promise<void> => {
    const observed = await look(look_at)
    const promise = brokenPromise(standing, observed) ?? halfPublished(world.publications, observed)
    world.publications.clear()
    if (promise) throw new BrokenPromise(promise)
    const explained = explain(calls, standing, observed, strict)
    if ('why' in explained) throw new BrokenPromise({ guarantee: 'model', what: explained.why })
    adopt(observed)
    for (const [key, body] of explained.page.keys) standing.keys.set(key, body)
    if (!observed.complete) return
    const [expected, found] = [standing.sums.join(' '), await checksum(database, ns)]
    if (expected === found) return
    throw new BrokenPromise({ guarantee: 'G2', what: `the sums over all deliveries are ${found}, not ${expected}` })
  }

  /** The server is gone, and with it whoever waited for an answer. */
  const restart = async (clock_set: number): Promise<void> => {
    world.pending = []
    time.set(clock_set)
    database = await open()
    world.spine = await begin()
    trace?.(`  the server was started again${clock_set ? `, its clock set by ${clock_set} ms` : ''}`)
    await check([byItself('what lies in the future returns', returnFromFuture)], true, 'all')
  }

  const take = async (step: Omit<Step, 'commands'>, start: () => (Call | undefined)[]): Promise<Call[]> => {
    drawn = seeded(seed, 'step', step.at)
    const { crash } = step
    if (crash) gate.crashAt(crash.nth, crash.stored)
    time.creep(step.passes)
    const sweeps = step.fires && time.now() >= sweeps_at ? sweepCalls() : []
    if (sweeps.length > 0) sweeps_at = time.now() + SWEEP_MS
    if (step.fires) time.fire()
    const calls = start().filter((call) => call !== undefined)
    let alive = await gate.settle()
    while (alive && step.fires && time.fire()) alive = await gate.settle()
    const crashed = !alive || crash !== undefined
    // A long poll that goes on has taken nothing yet; when its server dies, nobody will know.
    const over = (call: Call) => call.answer !== undefined || crashed || call.waits !== 'poll'
    const woken = world.pending.filter((call) => call.waits === 'poll' && over(call))
    const happened = [...sweeps, ...calls.filter(over), ...woken]
    if (crashed) for (const call of happened) call.lost = call.answer === undefined
    else leavePending(calls)
    for (const call of happened) trace?.(`  ${call.words}: ${call.answer ?? (call.lost ? 'not answered' : 'done')}`)
    // Who polls may take the probe and find nothing, without an answer that says so.
    const polls = [...calls, ...woken, ...world.pending].some((call) => call.waits === 'poll')
    const strict = !crashed && !polls && calls.length + (sweeps.length > 0 ? 1 : 0) <= 1
    await check(happened, strict, crashed ? 'written and keys' : 'written')
    if (crashed) await restart(crash?.clock_set ?? 0)
    return calls
  }

  const leavePending = (calls: readonly Call[]): void => {
    const silent = calls.find((call) => call.answer === undefined && call.waits === false)
    if (silent) throw new BrokenPromise({ guarantee: 'G7', what: `${silent.words} is never answered` })
    world.pending = [...world.pending, ...calls].filter((call) => call.answer === undefined)
  }

  const setUp = async (): Promise<void> => {
    const puts = agents.map((name) => {
      const fallback_agent = fallbacks[name]
      const accepts_versions = name === 'old' ? { accepts_versions: ['9'] } : {}
      return world.spine.agents.put({ name, ...(fallback_agent ? { fallback_agent } : {}), ...accepts_versions })
    })
    await gate.settle()
    await Promise.all(puts)
  }

  let at = 0
  let events = 0
  try {
    await setUp()
    for (const step of steps) {
      const { commands, crash, fires, passes } = step
      trace?.(`${step.at}:${passes ? ` ${passes} ms pass${fires ? '' : ' unseen'}` : ''}`)
      const alone = commands.length === 1 && !crash && !fires && world.pending.length === 0
      await take(step, () => commands.map((command) => startCommand(world, command, alone)))
      events += commands.length + (passes > 0 ? 1 : 0)
      at += 1
    }
    const stuck = await drain({ take, world, standing })
    if (!stuck) await check([], true, 'all')
    const wrong = stuck ?? (await wrongEnvelope(database, ns)) ?? (await endedTwice(database, ns))
    if (wrong) throw new BrokenPromise(wrong)
    return { digest: await finalState(database, ns), events }
  } catch (error) {
    if (!(error instanceof BrokenPromise)) throw error
    return { violation: { ...error.violation, step: at }, digest: '', events }
  } finally {
    await database.close()
  }
}

/** What happens by itself when timers are called, as the model sees it, in its order. */
const byItself = (words: string, apply: Call['apply']): Call => ({
  words,
  answer: undefined,
  apply,
  lost: false,
  waits: false,
  lane: 'time',
})

function sweepCalls(): Call[] {
  return [
    byItself('probes are freed', freeProbes),
    byItself('leases end', endLeases),
    byItself('deadlines pass', passDeadlines),
  ]
}
