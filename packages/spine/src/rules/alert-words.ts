/** What an alert says: what is so, why as far as it is known, and what to do next. */

import type { AlertRule } from '../protocol/alert.ts'
import type { Judgement } from './alerts.ts'

export type Words = { title: string; detail: string; next: string }

const percent = (share: number | undefined) => `${Math.round((share ?? 0) * 1_000) / 10} %`
/** So many of something: `1 gap`, `2 gaps`. */
export const times = (n: number | undefined, one: string, many = `${one}s`) => `${n ?? 0} ${n === 1 ? one : many}`
const minutes = (ms: number | undefined) => times(Math.floor((ms ?? 0) / 60_000), 'minute')

/** One full stop at its end, whoever wrote it. */
const sentence = (text: string) => (/[.!?…]$/.test(text) ? text : `${text}.`)

type Say = (
  judgement: Judgement & { to: string; fact: (name: string) => string; amount: (name: string) => number },
) => Words

const words: Readonly<Record<AlertRule, Say>> = Object.freeze<Record<AlertRule, Say>>({
  handoff_failed: ({ target, value, about }) => ({
    title: value === 1 ? `A handoff to ${target} failed` : `${value} handoffs to ${target} failed`,
    detail: `${about?.delivery_id} is the newest; it used up its attempts, or its sender gave up waiting.`,
    next: 'Read its attempts in the dead-letter box, then redrive it or discard it with a reason.',
  }),
  attempts_failing: ({ target, value, fact, amount }) => ({
    title:
      amount('unseen') > 0
        ? `Nobody has ever received as ${target}`
        : `${times(value, 'attempt')} in a row failed at ${target}`,
    detail:
      amount('unseen') > 0
        ? `Senders waited ${times(value, 'time')} in vain: no agent of that name has asked for work yet.`
        : `The last one: ${sentence(fact('reason') || 'the sender waited in vain')} Its breaker opens after three exhausted handoffs.`,
    next: [
      amount('unseen') > 0
        ? `Start a receiver for ${target}, or see whether the name is misspelt.`
        : `See whether ${target} is running and what it logs.`,
      ...(amount('ready') > 0 ? ['What is queued is tried again by itself.'] : []),
      ...(amount('parked') > 0 ? ['What is parked waits for you in the dead-letter box.'] : []),
    ].join(' '),
  }),
  breaker_open: ({ target, value, fact, amount }) => ({
    title: `Breaker opened for ${target}`,
    detail: `${times(value, 'handoff')} in a row spent all attempts. Queued handoffs wait; senders that wait get CIRCUIT_OPEN${
      fact('fallback_agent') ? ` or go to ${fact('fallback_agent')}` : ''
    }.`,
    next: `${
      amount('unseen') > 0
        ? `Nobody has ever received as ${target}. Start a receiver, or see whether the name is misspelt:`
        : `Bring ${target} back:`
    } one handoff is tried after the pause and closes the breaker. Then redrive what is parked.`,
  }),
  completeness_low: ({ to, value, threshold, amount, fact }) => ({
    title: `Completeness${to} is ${percent(value)}, below ${percent(threshold)}`,
    detail: `${times(amount('gaps'), 'gap')} in ${amount('incomplete')} of the ${amount('count')} envelopes that were sealed in the last hour.${
      fact('memory_id')
        ? ` ${amount('its')} of the latest ${amount('latest')} point to ${fact('memory_id')} (${fact('reason')}).`
        : ''
    }`,
    next: 'Store the missing memories again, or correct the references; `require_complete` refuses such handoffs at the start.',
  }),
  failure_rate_high: ({ to, value, threshold, amount }) => ({
    title: `Failure rate${to} is ${percent(value)}, above ${percent(threshold)}`,
    detail: `${amount('failed')} of the ${amount('settled')} deliveries that ended in the last hour had spent all attempts.`,
    next: 'Open the dead-letter box: handoffs that failed for one cause are redriven together.',
  }),
  utilisation_low: ({ target, threshold, amount }) => ({
    title: `Budgets for ${target} are mostly empty`,
    detail: `${amount('some')} of ${amount('of')} budgets that were set by hand in the last day were used to less than ${percent(threshold)}.`,
    next: 'Set a smaller `max_tokens`, or leave it out.',
  }),
  utilisation_full: ({ target, amount }) => ({
    title: `Budgets for ${target} are mostly full`,
    detail: `${amount('some')} of ${times(amount('of'), 'envelope')} in the last day left no room; ${times(amount('trimmed'), 'memory', 'memories')} were cut.`,
    next: 'Raise `max_tokens` or the window in the profile of the agent; a preview shows what more tokens would carry.',
  }),
  hop_depth_rising: ({ value, fact }) => ({
    title: `Chains are getting longer: ${value} hops`,
    detail: `19 of 20 handoffs of the last hour are within ${value} hops; in the day before it was ${fact('usual')}.`,
    next: 'Look at the longest chains: agents may be handing the same work back and forth.',
  }),
  loop_stopped: ({ target, value, about }) => ({
    title: value === 1 ? `A loop was stopped at ${target}` : `${value} loops were stopped at ${target}`,
    detail: `${about?.delivery_id} was to be handed on past its hop limit, or in a circle. The work is parked, not lost.`,
    next: 'Read its path; redrive it with `extra_hops` or `cycle: "warn"` if it should go on, else discard it.',
  }),
  previous_forgotten: ({ target, value }) => ({
    title: `${target} starts new chains instead of continuing`,
    detail: `${times(value, 'new root')} in the last hour by an agent that receives handoffs: what it received did not travel on.`,
    next: 'Pass `previous` (or use `forward`); pass `previous: null` where it is new work on purpose.',
  }),
  unclaimed: ({ target, value, amount, fact }) => ({
    title: `Nobody claims what waits for ${target}`,
    detail: `The oldest of ${times(amount('ready'), 'delivery', 'deliveries')} has been ready for ${minutes(value)}.`,
    next: fact('push_stopped')
      ? `Nothing is pushed to ${target} any more (${fact('push_stopped')}): set its profile again, with an address that is there.`
      : amount('held') > 0
        ? `${target} holds ${amount('held')} and takes no more: start another receiver, or raise its concurrency.`
        : amount('unseen') > 0
          ? `Nobody has ever received as ${target}: start a receiver, see whether the name is misspelt, or reroute what waits.`
          : `Start a receiver for ${target}, or reroute what waits.`,
  }),
})

export function wordsOf(judgement: Judgement): Words {
  const { facts = {}, target } = judgement
  return words[judgement.rule]({
    ...judgement,
    to: target === undefined ? '' : ` to ${target}`,
    fact: (name) => String(facts[name] ?? ''),
    amount: (name) => Number(facts[name] ?? 0),
  })
}
