/** The picture of what may happen to a delivery, held against the store: every event in every state. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Delivery, type DeliveryState, deliveryTable } from '../../protocol/delivery.ts'
import { SpineError } from '../../protocol/errors.ts'
import type { Spine } from '../../protocol/spine.ts'
import {
  leaseOf,
  newNamespace,
  type OpenTimedSubject,
  received,
  receivedOne,
  sealed,
  sent,
  type TimedSubject,
} from './subject.ts'

type Place = TimedSubject & { spine: Spine }
type Held = { id: string; lease_token: string; envelope_id: string }

const claim = async ({ spine }: Place): Promise<Held> => {
  await sent(spine)
  const delivery = await receivedOne(spine)
  return { ...leaseOf(delivery), envelope_id: delivery.envelope_id }
}
const accept = async (place: Place): Promise<Held> => {
  const held = await claim(place)
  await place.spine.deliveries.accept(lease(held))
  return held
}
const lease = ({ id, lease_token }: Held) => ({ id, lease_token })

/** States that no operation here leads to are written into the store. */
const written =
  (state: DeliveryState) =>
  async (place: Place): Promise<Held> => {
    const held = await accept(place)
    const sql = "update deliveries set state = $1, last = 'test', lease_until = null where id = $2"
    await place.database.write([{ sql, params: [state, held.id] }])
    return held
  }

/** The ways into each state. `late`: its lease ended, and nobody has followed it up. */
const standings: { name: string; state: DeliveryState; late?: boolean; make(place: Place): Promise<Held> }[] = [
  {
    name: 'never claimed',
    state: 'ready',
    make: async ({ spine }) => {
      const { delivery } = await sent(spine)
      return { id: delivery.id, lease_token: 'lt_none', envelope_id: delivery.envelope_id }
    },
  },
  {
    name: 'released',
    state: 'ready',
    make: async (place) => {
      const held = await claim(place)
      await place.spine.deliveries.release(lease(held))
      return held
    },
  },
  {
    name: 'handed back',
    state: 'ready',
    make: async (place) => {
      const held = await claim(place)
      await place.spine.deliveries.nack({ ...lease(held), reason: 'busy', delay_ms: 0 })
      return held
    },
  },
  {
    name: 'lease ended',
    state: 'ready',
    late: true,
    make: async (place) => {
      const held = await claim(place)
      await place.clock.jump(61_000)
      return held
    },
  },
  { name: 'claimed', state: 'leased', make: claim },
  { name: 'accepted', state: 'accepted', make: accept },
  {
    name: 'completed',
    state: 'completed',
    make: async (place) => {
      const held = await accept(place)
      await place.spine.deliveries.complete(lease(held))
      return held
    },
  },
  {
    name: 'sent after its deadline',
    state: 'expired',
    make: async ({ spine, clock }) => {
      const { id } = await sealed(spine)
      const delivery = await spine.deliveries.send({
        envelope_id: id,
        deadline: new Date(clock.now() - 1).toISOString(),
      })
      return { id: delivery.id, lease_token: 'lt_none', envelope_id: id }
    },
  },
  {
    name: 'parked by the sender',
    state: 'parked',
    make: async (place) => {
      const held = await claim(place)
      await place.spine.parked.park({ envelope_id: held.envelope_id, reason: 'enough' })
      return held
    },
  },
  {
    name: 'nacked for good',
    state: 'parked',
    make: async (place) => {
      const held = await claim(place)
      await place.spine.deliveries.nack({ ...lease(held), reason: 'no', kind: 'fatal' })
      return held
    },
  },
  {
    name: 'spent',
    state: 'parked',
    late: true,
    make: async (place) => {
      const { delivery } = await sent(place.spine)
      for (let attempt = 1; ; attempt += 1) {
        const held = { ...leaseOf(await receivedOne(place.spine)), envelope_id: delivery.envelope_id }
        await place.spine.deliveries.accept(lease(held))
        await place.clock.jump(61_000)
        if (attempt === 3) return held
      }
    },
  },
  { name: 'rerouted', state: 'rerouted', make: written('rerouted') },
  { name: 'cancelled', state: 'cancelled', make: written('cancelled') },
  { name: 'discarded', state: 'discarded', make: written('discarded') },
]

/** How each event is brought about. */
const drivers: Record<string, (place: Place, held: Held) => Promise<unknown>> = {
  send: ({ spine }, { envelope_id }) => spine.deliveries.send({ envelope_id }),
  claim: ({ spine }) => received(spine),
  accept: ({ spine }, held) => spine.deliveries.accept(lease(held)),
  heartbeat: ({ spine }, held) => spine.deliveries.heartbeat(lease(held)),
  complete: ({ spine }, held) => spine.deliveries.complete(lease(held)),
  nack_retry: ({ spine }, held) => spine.deliveries.nack({ ...lease(held), reason: 'busy', delay_ms: 0 }),
  nack_fatal: ({ spine }, held) => spine.deliveries.nack({ ...lease(held), reason: 'no', kind: 'fatal' }),
  nack_declined: ({ spine }, held) => spine.deliveries.nack({ ...lease(held), reason: 'not mine', kind: 'declined' }),
  nack_clarify: ({ spine }, held) =>
    spine.deliveries.nack({ ...lease(held), reason: 'which one?', kind: 'needs_clarification' }),
  release: ({ spine }, held) => spine.deliveries.release(lease(held)),
  lease_end: ({ clock }) => clock.jump(61_000),
  deadline: ({ clock }) => clock.jump(8 * 86_400_000),
  park: ({ spine }, { envelope_id }) => spine.parked.park({ envelope_id, reason: 'enough' }),
  cancel: ({ spine }, { id }) => spine.deliveries.cancel({ id }),
  redrive: ({ spine }, { id }) => spine.parked.redrive({ ids: [id] }),
  discard: ({ spine }, { id }) => spine.parked.discard({ ids: [id], reason: 'enough' }),
}
/** Listed events that are tested where their rooms are. */
const elsewhere = new Set(['reroute', 'forward', 'refused', 'supersede', 'answered', 'damaged', 'retention'])

/** From these states an event counts only when it is late. */
const lateOnly = (event: string, state: DeliveryState) =>
  (event === 'accept' || event === 'complete') && (state === 'ready' || state === 'parked')

/** Time that passes a deadline ends leases too: that is the other event. */
const mixed = (event: string, state: DeliveryState) =>
  event === 'deadline' && (state === 'leased' || state === 'accepted')

/** An expiry of the parked and a redrive past the deadline need a clock of their own. */
const refusals = new Set(['LEASE_LOST', 'WRONG_STATE', 'ALREADY_ACCEPTED'])

export function deliveryTableSuite(name: string, open: OpenTimedSubject): void {
  describe(`delivery table (${name})`, () => {
    test('every listed event can be brought about', () => {
      const missing = deliveryTable.filter(({ event }) => !drivers[event] && !elsewhere.has(event))
      assert.deepEqual(missing, [])
    })

    for (const standing of standings) {
      test(`${standing.state}, ${standing.name}: what is listed moves it as said, anything else changes nothing`, async () => {
        const subject = await open()
        for (const [event, drive] of Object.entries(drivers)) {
          const rule = deliveryTable.find((transition) => transition.event === event)
          if (!rule || mixed(event, standing.state)) continue
          const place = { ...subject, spine: await subject.at(newNamespace()) }
          const held = await standing.make(place)
          const read = (): Promise<Delivery> => place.spine.deliveries.get({ id: held.id })
          const before = await read()
          assert.equal(before.state, standing.state)
          const outcome = await drive(place, held).then(
            (answer) => answer,
            (error: unknown) => error,
          )
          const after = await read()
          const listed =
            rule.from.includes(standing.state) && (!lateOnly(event, standing.state) || standing.late === true)
          const told = `${event} in ${standing.state} (${standing.name})`
          if (listed) {
            assert.ok(!(outcome instanceof Error), `${told}: ${String(outcome)}`)
            assert.ok(rule.to.includes(after.state), `${told} made it ${after.state}`)
            const grown = event === 'heartbeat' ? 0 : 1
            assert.equal(after.history.length, before.history.length + grown, told)
            if (rule.counts && !(standing.late && standing.state === 'parked'))
              assert.equal(after[rule.counts], before[rule.counts] + 1, `${told} counts`)
            if (lateOnly(event, standing.state)) assert.equal(after.late, true, told)
          } else {
            assert.deepEqual(after, before, `${told} changed something`)
            if (outcome instanceof Error)
              assert.ok(outcome instanceof SpineError && refusals.has(outcome.code), `${told}: ${String(outcome)}`)
          }
        }
      })
    }
  })
}
