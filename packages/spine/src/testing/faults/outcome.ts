/** What a fault found: how much of it was run, and every broken promise by its kind. All counts must be 0. */

export const violationKinds = Object.freeze([
  /** Acknowledged, and not there any more; or stored in part. */
  'lost',
  /** Handed out, and never sent. */
  'phantom',
  /** An effect that was made more than once. */
  'dup_effects',
  /** Two owners of one delivery at a time, or an answer that counted although a newer lease existed. */
  'double_leases',
  /** Other bytes than those that were sent. */
  'mutated',
  /** Neither ended nor parked when all was drained. */
  'stuck',
  /** More attempts than allowed. */
  'over_attempts',
  /** Seen from another namespace. */
  'cross_tenant',
  /** Any other promise of the fault's own. */
  'broken',
] as const)
export type ViolationKind = (typeof violationKinds)[number]

export type Outcome = {
  /** How often the fault was made: kills, images, inputs. */
  runs: number
  counts: Readonly<Record<ViolationKind, number>>
  /** The first violations in words. */
  examples: readonly string[]
  /** What else was measured, with units in the names. */
  figures: Readonly<Record<string, number>>
}

const KEPT_EXAMPLES = 10

export type Findings = {
  add(kind: ViolationKind, words: string): void
  /** Adds what `promise` says when it does not hold. */
  expect(promise: boolean, words: string): void
  take(outcome: Outcome): void
  figure(name: string, value: number): void
  outcome(runs: number): Outcome
}

export function createFindings(): Findings {
  const counts = Object.fromEntries(violationKinds.map((kind) => [kind, 0])) as Record<ViolationKind, number>
  const examples: string[] = []
  const figures: Record<string, number> = {}
  const add = (kind: ViolationKind, words: string, count = 1) => {
    counts[kind] += count
    if (examples.length < KEPT_EXAMPLES) examples.push(`${kind}: ${words}`)
  }
  return Object.freeze({
    add: (kind: ViolationKind, words: string) => add(kind, words),
    expect: (promise: boolean, words: string) => {
      if (!promise) add('broken', words)
    },
    take: (outcome: Outcome) => {
      for (const kind of violationKinds) counts[kind] += outcome.counts[kind]
      examples.push(...outcome.examples.slice(0, Math.max(0, KEPT_EXAMPLES - examples.length)))
      for (const [name, value] of Object.entries(outcome.figures))
        figures[name] = Math.max(figures[name] ?? value, value)
    },
    figure: (name: string, value: number) => {
      figures[name] = Math.round(value * 10) / 10
    },
    outcome: (runs: number): Outcome => ({ runs, counts, examples, figures }),
  })
}

export const violationsOf = ({ counts }: Outcome): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)
