/** The steps of a schedule, drawn from its seed before anything runs, so that a failing one can be made shorter. */

import { type Seeded, seeded } from '../seeded.ts'
import { type Command, drawCommand, type Mood, moods } from './moods.ts'

export type Step = {
  /** Its place in the schedule as drawn; all chance inside the step comes from it. */
  readonly at: number
  /** Milliseconds that pass before it. */
  readonly passes: number
  /** Timers that fell due are called: leases end, deadlines pass, waits run out. */
  readonly fires: boolean
  /** What is called, all of it at once. */
  readonly commands: readonly Command[]
  /** The server dies with the nth write of the step, or after it when there are fewer, and is started again. */
  readonly crash?: { readonly nth: number; readonly stored: boolean; readonly clock_set: number }
}

const HOUR = 3_600_000
const passes = [1, 450, 1_000, 2_000, 5_000, 16_000, 31_000, 61_000, 61_000, 130_000]

function drawStep(chance: Seeded, mood: Mood, at: number): Step {
  const crash = chance.happens(4)
    ? {
        crash: {
          nth: chance.pick([1, 1, 1, 2, 3]),
          stored: chance.happens(50),
          clock_set: chance.happens(30) ? chance.pick([-HOUR, HOUR]) : 0,
        },
      }
    : {}
  const only_time = chance.happens(22)
  const beside_time = chance.happens(4)
  const count = only_time ? 0 : chance.happens(80) ? 1 : 2 + chance.int(2)
  const commands = Array.from({ length: count }, () => drawCommand(chance, mood))
  if (!only_time && !beside_time) return { at, passes: 0, fires: false, commands, ...crash }
  return { at, passes: chance.pick(passes), fires: chance.happens(85), commands, ...crash }
}

/** A command and a passing of time are an event each. */
const eventsIn = (step: Step): number => step.commands.length + (step.passes > 0 ? 1 : 0)

/** The same for the whole schedule. */
export const moodOf = (seed: string): Mood => seeded(seed, 'mood').pick(moods)

export function drawSteps(seed: string, events: number): Step[] {
  const chance = seeded(seed, 'steps')
  const mood = moodOf(seed)
  const steps: Step[] = []
  for (let drawn = 0; drawn < events; ) {
    const step = drawStep(chance, mood, steps.length)
    drawn += eventsIn(step)
    steps.push(step)
  }
  return steps
}
