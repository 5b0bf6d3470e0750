/** How it stands, in a sentence made from the open alerts: what a person reads first. */

import type { Alert, AlertRule, Tier } from '../protocol/alert.ts'

export type Verdict = { tier?: Tier; sentence: string; detail: string }

type Open = Pick<Alert, 'rule' | 'tier' | 'target'>

const tiers: readonly Tier[] = ['critical', 'warning', 'info']

/** The part of the sentence that a rule contributes, for the targets it names. */
const clauses: Readonly<Record<AlertRule, (targets: readonly string[]) => string>> = Object.freeze({
  breaker_open: (targets: readonly string[]) => `${counted(targets, 'is', 'are')} failing: ${named(targets)}`,
  failure_rate_high: () => 'Too many handoffs fail',
  completeness_low: () => 'Completeness is slipping',
  attempts_failing: (targets: readonly string[]) => `Nothing arrives at ${named(targets)}`,
  unclaimed: (targets: readonly string[]) => `Nobody claims what waits for ${named(targets)}`,
  loop_stopped: (targets: readonly string[]) => `A loop was stopped at ${named(targets)}`,
  hop_depth_rising: () => 'Chains are getting longer',
  previous_forgotten: (targets: readonly string[]) => `${named(targets)} forgot what it continues`,
  utilisation_full: (targets: readonly string[]) => `Budgets are full for ${named(targets)}`,
  utilisation_low: (targets: readonly string[]) => `Budgets are mostly empty for ${named(targets)}`,
  handoff_failed: (targets: readonly string[]) => `A handoff to ${named(targets)} failed`,
})
/** The order is that of the table. */
const order = Object.keys(clauses) as AlertRule[]

/** `sentence` has at most two findings, the most urgent first; `detail` counts all of them. */
export function verdictOf(open: readonly Open[]): Verdict {
  const tier = tiers.find((one) => open.some((alert) => alert.tier === one))
  if (!tier) return { sentence: 'Every handoff arrives whole.', detail: 'No alert is open.' }
  // Information is worth a sentence only when there is nothing else to say.
  const worth = open.filter((alert) => alert.tier !== 'info' || tier === 'info')
  const rank = ({ rule, tier: of }: Open) => tiers.indexOf(of) * order.length + order.indexOf(rule)
  const rules = [...new Set(worth.toSorted((left, right) => rank(left) - rank(right)).map(({ rule }) => rule))]
  // A target whose breaker is open is failing; that its attempts fail says nothing new.
  const broken = new Set(worth.filter(({ rule }) => rule === 'breaker_open').map(({ target }) => target))
  const said = rules
    .map((rule) => ({
      rule,
      targets: worth.filter((alert) => alert.rule === rule).flatMap(({ target }) => target ?? []),
    }))
    .filter(({ rule, targets }) => rule !== 'attempts_failing' || targets.some((target) => !broken.has(target)))
  return {
    tier,
    sentence: said
      .slice(0, 2)
      .map(({ rule, targets }) => `${clauses[rule](targets)}.`)
      .join(' '),
    detail: tiers
      .map((one) => [open.filter((alert) => alert.tier === one).length, one] as const)
      .filter(([n]) => n > 0)
      .map(([n, one]) => `${n} ${one === 'warning' && n > 1 ? 'warnings' : one}`)
      .join(', '),
  }
}

function named(targets: readonly string[]): string {
  const [first = 'somebody', second, ...others] = targets
  if (second === undefined) return first
  return others.length === 0 ? `${first} and ${second}` : `${first} and ${others.length + 1} others`
}

const counted = (targets: readonly string[], is: string, are: string) =>
  targets.length === 1 ? `One target ${is}` : `${targets.length} targets ${are}`
