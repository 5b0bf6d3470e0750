/** Runs the faults, each with its negative control, and says what each of them came to. */

import { violationsOf } from '../faults/outcome.ts'
import type { FaultStore } from '../faults/stores.ts'
import type { Fault } from '../faults/table.ts'

/** `part`: a number of runs that was asked for. */
export type Form = 'short' | 'long' | 'part'

export type ProofOptions = {
  store: FaultStore
  form: 'short' | 'long'
  /** So many runs instead of those of the form. */
  some?: number | undefined
  seed: number
  /** As a fault is told. */
  until?: number | undefined
  /** Hears how far it is. */
  progress(words: string): void
}

/** What became of one fault. */
export type Proven = {
  fault: Fault
  store: FaultStore['name']
  form: Form
  seed: number
  /** 0 when this machine does not let it be made. */
  runs: number
  lost: number
  dup_effects: number
  double_leases: number
  stuck: number
  over_attempts: number
  /** Of all other kinds. */
  others: number
  /** The negative control found something, as it must. */
  negative_control_failed: boolean
  figures: Readonly<Record<string, number>>
  examples: readonly string[]
  took_s: number
}

export async function prove(fault: Fault, options: ProofOptions): Promise<Proven> {
  const { store, some, seed, until, progress } = options
  const form: Form = some === undefined ? options.form : 'part'
  const runs = some ?? fault.runs[options.form]
  const none = { lost: 0, dup_effects: 0, double_leases: 0, stuck: 0, over_attempts: 0, others: 0 }
  const base = { fault, store: store.name, form, seed, ...none, figures: {}, examples: [] }
  if (fault.possible?.() === false) return { ...base, runs: 0, negative_control_failed: false, took_s: 0 }
  const began = performance.now()
  const told = (words: string) => progress(`${fault.part}: ${words}`)
  try {
    const outcome = await fault.run({ store, runs, seed, until, progress: told })
    told('its negative control')
    const control = await fault.run({ store, runs: fault.runs.control, seed, control: true })
    const { lost, dup_effects, double_leases, stuck, over_attempts } = outcome.counts
    const named = lost + dup_effects + double_leases + stuck + over_attempts
    return {
      ...base,
      form: outcome.runs < runs ? 'part' : form,
      runs: outcome.runs,
      lost,
      dup_effects,
      double_leases,
      stuck,
      over_attempts,
      others: violationsOf(outcome) - named,
      negative_control_failed: violationsOf(control) > 0,
      figures: outcome.figures,
      examples: outcome.examples,
      took_s: Math.round((performance.now() - began) / 1_000),
    }
  } catch (error) {
    // A proof that breaks proves nothing, and must not pass for one.
    const examples = [`it could not be run to its end: ${(error as Error).stack ?? error}`]
    const took_s = Math.round((performance.now() - began) / 1_000)
    return { ...base, runs: 0, others: 1, negative_control_failed: false, examples, took_s }
  }
}

/** Whether it says what it has to say: nothing was violated, and the control was. */
export const holds = (proven: Proven): boolean =>
  proven.fault.possible?.() === false || (violations(proven) === 0 && proven.negative_control_failed)

export const violations = ({ lost, dup_effects, double_leases, stuck, over_attempts, others }: Proven): number =>
  lost + dup_effects + double_leases + stuck + over_attempts + others
