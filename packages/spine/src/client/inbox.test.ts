import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receivedOf, sealedEnvelope, turn } from './fakes.test.ts'
import { Inbox } from './inbox.ts'
import { type InboxStore, marksInMemory } from './marks.ts'

const counting = () => {
  let made = 0
  return { effect: () => `made ${++made}`, made: () => made }
}

test('an effect is made once for an envelope and its receiver, and answers the first result again', async () => {
  const { effect, made } = counting()
  const inbox = new Inbox()
  assert.equal(await inbox.once(receivedOf(), effect), 'made 1')
  assert.equal(await inbox.once(receivedOf({ attempt: 2, lease_token: 'token-2' }), effect), 'made 1')
  assert.equal(made(), 1)
})

test('another receiver, another envelope and another effect are others', async () => {
  const { effect, made } = counting()
  const inbox = new Inbox()
  await inbox.once(receivedOf(), effect)
  await inbox.once(receivedOf({ target: 'tester' }), effect)
  await inbox.once(receivedOf({ envelope: sealedEnvelope({ id: 'env-2' }) }), effect)
  await inbox.once(receivedOf({ envelope: sealedEnvelope({ namespace: 'blue' }) }), effect)
  await inbox.once(receivedOf(), effect, { effect: 'mail' })
  assert.equal(made(), 5)
})

test('two at the same time wait for each other', async () => {
  const { effect, made } = counting()
  const { promise, resolve } = Promise.withResolvers<void>()
  const inbox = new Inbox()
  const slow = () => promise.then(effect)
  const both = Promise.all([inbox.once(receivedOf(), slow), inbox.once(receivedOf(), slow)])
  await turn()
  resolve()
  assert.deepEqual(await both, ['made 1', 'made 1'])
  assert.equal(made(), 1)
})

test('an effect that failed may be made again, by whoever waited for it', async () => {
  const { effect } = counting()
  const inbox = new Inbox()
  const failing = inbox.once(receivedOf(), () => Promise.reject(new Error('down')))
  const waiting = inbox.once(receivedOf(), effect)
  await assert.rejects(failing, { message: 'down' })
  assert.equal(await waiting, 'made 1')
})

test('only the newest marks are kept in memory, and never at the cost of one under way', async () => {
  const store = marksInMemory({ max: 2 })
  await store.take('open')
  for (const key of ['a', 'b', 'c']) {
    await store.take(key)
    await store.done(key, key)
  }
  assert.deepEqual(await store.take('c'), { taken: false, result: 'c' })
  assert.deepEqual(await store.take('a'), { taken: true })
  await store.done('open', 1)
  assert.deepEqual(await store.take('open'), { taken: false, result: 1 })
})

test('in a transaction of the user, the mark and the effect are kept or lost together', async () => {
  let kept = { marks: new Map<string, unknown>(), invoices: [] as string[] }
  /** A database whose transactions work on a copy, which is thrown away when they fail. */
  const transaction = async <T>(work: (tx: typeof kept) => Promise<T>): Promise<T> => {
    const tx = structuredClone(kept)
    const answer = await work(tx)
    kept = tx
    return answer
  }
  const marksIn = (tx: typeof kept): InboxStore => ({
    take(key) {
      if (tx.marks.has(key)) return { taken: false, result: tx.marks.get(key) }
      tx.marks.set(key, undefined)
      return { taken: true }
    },
    done: (key, result) => void tx.marks.set(key, result),
  })
  const receive = (crash?: Error) =>
    transaction(async (tx) => {
      const invoice = () => tx.invoices.push('invoice')
      const count = await new Inbox({ store: marksIn(tx) }).once(receivedOf(), invoice)
      if (crash) throw crash
      return count
    })

  await assert.rejects(receive(new Error('power cut')), { message: 'power cut' })
  assert.deepEqual([kept.invoices, kept.marks.size], [[], 0])
  assert.deepEqual([await receive(), await receive()], [1, 1])
  assert.deepEqual(kept.invoices, ['invoice'])
})
