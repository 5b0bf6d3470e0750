/** What senders call, and the people who look after the dead-letter box. */

import { priorities, toIso } from '../../protocol/scalars.ts'
import type { Book } from './book.ts'
import { startCall } from './call.ts'
import {
  deadlineOf,
  deliveryCall,
  documentOf,
  envelopeFor,
  known,
  note,
  pick,
  recent,
  repeatable,
  type Starter,
} from './choosing.ts'
import { told } from './lease-rules.ts'
import * as rules from './sender-rules.ts'
import type { World } from './world.ts'

const sendWith =
  (wait: 'none' | 'accepted'): Starter =>
  (world, [a, b, c, d]) => {
    const envelope_id = envelopeFor(world, a)
    const target = pick(world.mood.agents, b)
    const priority = c % 4
    const deadline = deadlineOf(world, c >>> 3)
    const key = d % 3 === 0 ? `key-${(d >>> 4) % 12}` : undefined
    const timeout_ms = wait === 'none' ? undefined : pick([0, 5_000, 15_000], d >>> 8)
    const start = () =>
      startCall({
        words: `${wait === 'none' ? 'send' : 'direct'} ${envelope_id} to ${target}${key ? ` as ${key}` : ''}`,
        promise: world.spine.deliveries.send({
          envelope: documentOf(envelope_id),
          target,
          priority: priorities[priority],
          wait,
          ...(timeout_ms === undefined ? {} : { timeout_ms }),
          ...(deadline === undefined ? {} : { deadline: toIso(deadline) }),
          ...(key === undefined ? {} : { idempotency_key: key }),
        }),
        waits: wait === 'none' ? false : 'sent',
        say(row) {
          note(world, row)
          return row.id
        },
        apply(book) {
          const due = rules.send(book, { envelope_id, targets: [target], priority, deadline, ...(key ? { key } : {}) })
          return wait === 'none' || due === 'IDEMPOTENCY_CONFLICT' ? due : undefined
        },
      })
    return repeatable(world, start)
  }

const publish: Starter = (world, [a, b, c, d]) => {
  const targets = rules.agents.filter((_, index) => (b >>> index) % 2 === 1)
  if (targets.length < 2) return undefined
  const before = world.envelopes
  const envelope_id = envelopeFor(world, a)
  const priority = c % 4
  const deadline = deadlineOf(world, c >>> 3)
  const key = d % 3 === 0 ? `key-${(d >>> 4) % 12}` : undefined
  world.channels += 1
  const channel = `news-${world.channels}`
  if (world.envelopes > before) world.publications.set(channel, { envelope_id, targets })
  const start = () =>
    startCall({
      words: `publish ${envelope_id} to ${targets.join(', ')}${key ? ` as ${key}` : ''}`,
      promise: world.spine.channels.publish({
        channel,
        envelope: documentOf(envelope_id),
        receivers: targets,
        priority: priorities[priority],
        ...(deadline === undefined ? {} : { deadline: toIso(deadline) }),
        ...(key === undefined ? {} : { idempotency_key: key }),
      }),
      say({ deliveries }) {
        for (const row of deliveries) note(world, row)
        return 'published'
      },
      apply(book) {
        const call = { envelope_id, targets, priority, deadline, channel, ...(key ? { key } : {}) }
        return rules.send(book, call) === 'IDEMPOTENCY_CONFLICT' ? 'IDEMPOTENCY_CONFLICT' : 'published'
      },
    })
  return repeatable(world, start)
}

const byId = (
  name: 'reroute' | 'cancel',
  start: (world: World, id: string) => Parameters<typeof deliveryCall>[1],
  rule: (book: Book, id: string) => string,
): Starter => {
  return (world, [a]) => {
    const { id } = known(world, a)
    return deliveryCall(`${name} ${id}`, start(world, id), (book) => rule(book, id))
  }
}

const park: Starter = (world, [a, b]) => {
  const { envelope_id, target } = known(world, a)
  if (!world.hops.has(envelope_id)) return undefined
  const whom = b % 8 === 0 ? pick(world.mood.agents, b >>> 3) : target
  const promise = world.spine.parked.park({ envelope_id, target: whom, reason: 'enough' })
  return deliveryCall(`park ${envelope_id} of ${whom}`, promise, (book) => rules.park(book, envelope_id, whom))
}

type Results = Awaited<ReturnType<World['spine']['parked']['redrive']>>
const sayResults = ({ results }: Results) =>
  results.map(({ delivery, error }) => (delivery ? told(delivery) : String(error?.code))).join(', ')

/** Two that are parked, or, now and then, two that need not be. */
const many = (world: World, a: number, b: number): string[] => {
  const parked = a % 5 === 0 ? [] : world.parked()
  const one = (n: number) => (parked.length > 0 ? pick(parked, n >>> 4) : known(world, n).id)
  return [...new Set([one(a), one(b)])]
}

const redrive: Starter = (world, [a, b, c]) => {
  const ids = many(world, a, b)
  const deadline = c % 2 === 0 ? world.now() + 600_000 : undefined
  return startCall({
    words: `redrive ${ids.join(' ')}${deadline === undefined ? '' : ' with a new deadline'}`,
    promise: world.spine.parked.redrive({ ids, ...(deadline === undefined ? {} : { deadline: toIso(deadline) }) }),
    say: sayResults,
    apply: (book) => ids.map((id) => rules.redrive(book, id, deadline)).join(', '),
  })
}

const discard: Starter = (world, [a, b]) => {
  const ids = many(world, a, b)
  return startCall({
    words: `discard ${ids.join(' ')}`,
    promise: world.spine.parked.discard({ ids, reason: 'no longer wanted' }),
    say: sayResults,
    apply: (book) => ids.map((id) => rules.discard(book, id)).join(', '),
  })
}

const reset: Starter = (world, [a]) => {
  const name = pick(rules.agents, a)
  return startCall({
    words: `reset the breaker of ${name}`,
    promise: world.spine.agents.reset_breaker({ name }),
    say: () => 'reset',
    apply(book) {
      book.putBreaker(name, undefined)
      return 'reset'
    },
  })
}

export const senderCommands = {
  again: (world: World, [a]: Parameters<Starter>[1]) => recent(world.calls, a)?.(),
  send: sendWith('none'),
  direct: sendWith('accepted'),
  publish,
  reroute: byId(
    'reroute',
    (world, id) => world.spine.deliveries.reroute({ id }).then(({ delivery }) => delivery),
    rules.reroute,
  ),
  cancel: byId('cancel', (world, id) => world.spine.deliveries.cancel({ id }), rules.cancel),
  park,
  redrive,
  discard,
  reset,
}
