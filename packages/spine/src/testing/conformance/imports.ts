/** Envelopes made elsewhere: stored, delivered and downloaded byte for byte, or refused. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf, exactBytes, rememberBytes } from '../../protocol/canonical.ts'
import type { Spine } from '../../protocol/spine.ts'
import { contents, fresh, newNamespace, type OpenSubject, receivedOne, refused, sealed } from './subject.ts'

type Document = Record<string, unknown>

/** An envelope as a newer version would write it: fields that nobody here knows, in an order and a spacing of its own. */
async function foreign(spine: Spine, change: Document = {}): Promise<{ envelope: Document; text: string }> {
  const made: Document = structuredClone(await sealed(spine, { intent: 'Imported.', previous: null }))
  const task = made.task as Document
  Object.assign(made, {
    envelope_version: '2.7',
    mood: { of: ['the', 'day', 1.5, null] },
    id: `env_foreign_${newNamespace()}`,
  })
  Object.assign(task, { urgency: 'a 2.7 field', state: { ...(task.state as object), weather: 'rain' } })
  Object.assign(made, { constraints: { k: 1, unknown_to_us: { deep: [] } }, ...change })
  made.digest = 'digest' in change ? change.digest : digestOf(made)
  const reversed = Object.fromEntries(Object.entries(made).reverse())
  const text = JSON.stringify(reversed, null, 3).replace('"rain"', '"\\u0072ain"')
  // White space around the document is not part of it.
  return { envelope: rememberBytes(JSON.parse(text), new TextEncoder().encode(`\n${text}  `)), text }
}

const textOf = (document: object) => new TextDecoder().decode(exactBytes(document))

export function importsSuite(name: string, open: OpenSubject): void {
  describe(`imports (${name})`, { concurrency: 8 }, () => {
    test('unknown fields of minor 2.7 survive import, store, delivery and download byte for byte', async () => {
      const subject = await open()
      const made = await foreign(await subject.at(newNamespace()))
      const spine = await subject.at(newNamespace())
      const handoff = await spine.handoffs.import({ envelope: made.envelope })
      assert.deepEqual(
        [handoff.envelope_version, handoff.verified, handoff.bytes],
        ['2.7', false, Buffer.byteLength(made.text)],
      )
      const id = String(made.envelope.id)
      const downloaded = await spine.handoffs.get({ id })
      assert.equal(textOf(downloaded), made.text)
      assert.deepEqual(downloaded.mood, { of: ['the', 'day', 1.5, null] })
      await spine.deliveries.send({ envelope_id: id })
      const { envelope } = await receivedOne(spine)
      assert.equal(textOf(envelope), made.text)
      assert.equal(digestOf(envelope), envelope.digest)
      // Keys inside task, constraints and state go on to the child; unknown keys of the top stay behind.
      const child = await sealed(spine, { previous: id })
      assert.deepEqual([child.task.urgency, child.task.state.weather, child.mood], ['a 2.7 field', 'rain', undefined])
      assert.deepEqual(child.constraints.unknown_to_us, { deep: [] })
    })

    test('of many that are sent whole each is stored byte for byte', async () => {
      const subject = await open()
      const there = await subject.at(newNamespace())
      const made = [await foreign(there), await foreign(there, { note: 'é 日本 ✓' })]
      const spine = await subject.at(newNamespace())
      const { results } = await spine.deliveries.send_many({ items: made.map(({ envelope }) => ({ envelope })) })
      for (const [index, { envelope, text }] of made.entries()) {
        assert.equal(results[index]?.delivery?.envelope_id, envelope.id)
        assert.equal(textOf(await spine.handoffs.get({ id: String(envelope.id) })), text)
      }
    })

    test('an envelope sent whole is imported and sent in one, byte for byte', async () => {
      const subject = await open()
      const made = await foreign(await subject.at(newNamespace()))
      const spine = await subject.at(newNamespace())
      const delivery = await spine.deliveries.send({ envelope: made.envelope })
      assert.deepEqual([delivery.state, delivery.target], ['ready', 'coder'])
      assert.equal(textOf((await receivedOne(spine)).envelope), made.text)
      assert.equal(textOf(await spine.handoffs.get({ id: delivery.envelope_id })), made.text)
      assert.equal((await spine.deliveries.send({ envelope: made.envelope })).id, delivery.id)
    })

    test('one envelope may be sent in two namespaces at the same time', async () => {
      const subject = await open()
      const there = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      const envelope = await sealed(await subject.at(newNamespace()), { previous: null })
      await Promise.all(there.map((spine) => spine.deliveries.send({ envelope })))
      for (const spine of there) assert.deepEqual((await receivedOne(spine)).envelope, envelope)
    })

    test('the same envelope may come again; another one with its id is a conflict', async () => {
      const spine = await fresh(open)
      const { envelope, text } = await foreign(spine)
      const once = await spine.handoffs.import({ envelope })
      const again = { ...once, duplicate: true }
      assert.deepEqual(await spine.handoffs.import({ envelope }), again)
      // A signature is no part of the digest; what is stored stays as it came first.
      const signed = { ...envelope, signature: 'detached..jws' }
      assert.deepEqual(await spine.handoffs.import({ envelope: signed }), again)
      assert.equal((await spine.handoffs.get({ id: String(envelope.id) })).signature, undefined)
      await spine.deliveries.send({ envelope: signed, target: 'another' })
      await spine.channels.publish({ channel: 'all', envelope: signed, receivers: ['a third'] })
      for (const agent of ['another', 'a third']) assert.equal(textOf((await receivedOne(spine, agent)).envelope), text)
      const other = await foreign(spine, { id: envelope.id, mood: 'another' })
      const before = await contents(spine)
      await refused(spine.handoffs.import({ envelope: other.envelope }), 'ENVELOPE_CONFLICT')
      await refused(spine.deliveries.send({ envelope: other.envelope }), 'ENVELOPE_CONFLICT')
      assert.deepEqual(await contents(spine), before)
      assert.equal((await spine.handoffs.get({ id: String(envelope.id) })).digest, envelope.digest)
    })

    test('over HTTP, what is imported is answered 201, and 200 when it is there already', async (t) => {
      const subject = await open()
      if (subject.endpoint === undefined) return t.skip('a status comes over a wire')
      const namespace = newNamespace()
      const { text } = await foreign(await subject.at(namespace))
      const send = () =>
        fetch(`${subject.endpoint}/v1/handoffs/import`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'spine-namespace': namespace },
          body: text,
        })
      assert.deepEqual([(await send()).status, (await send()).status], [201, 200])
    })

    test('an unknown major is refused and never to be retried; a wrong digest and a wrong shape are refused', async () => {
      const spine = await fresh(open)
      const cases = [
        [{ envelope_version: '3' }, 'UNSUPPORTED_VERSION'],
        [{ envelope_version: '3.0' }, 'UNSUPPORTED_VERSION'],
        [{ envelope_version: '20' }, 'UNSUPPORTED_VERSION'],
        [{ envelope_version: 'two' }, 'UNSUPPORTED_VERSION'],
        [{ envelope_version: '2.x' }, 'UNSUPPORTED_VERSION'],
        [{ envelope_version: { toString: 1 } }, 'UNSUPPORTED_VERSION'],
        [{ digest: `sha256:${'0'.repeat(64)}` }, 'DIGEST_MISMATCH'],
        [{ task: 'no object' }, 'INVALID_INPUT'],
        [{ source_agent: '' }, 'INVALID_INPUT'],
        [{ mood: 'x'.repeat(131_000), more: 'y'.repeat(131_000), yet: 'z'.repeat(9_000) }, 'TOO_LARGE'],
      ] as const
      const documents = await Promise.all(
        cases.map(async ([change, code]) => ({ ...(await foreign(spine, change)), code })),
      )
      const before = await contents(spine)
      for (const { envelope, code } of documents) {
        for (const call of [
          () => spine.handoffs.import({ envelope }),
          () => spine.deliveries.send({ envelope, target: 'b' }),
        ]) {
          const error = await refused(call(), code)
          assert.equal(error.retryable, false)
        }
      }
      assert.deepEqual(await contents(spine), before)
    })

    test('a key of an agent imports and sends only what is from this agent', async () => {
      const subject = await open()
      const namespace = newNamespace()
      const { envelope } = await foreign(await subject.at(namespace))
      const stranger = await subject.at(namespace, 'stranger')
      await refused(stranger.handoffs.import({ envelope }), 'FORBIDDEN')
      await refused(stranger.deliveries.send({ envelope }), 'FORBIDDEN')
    })
  })
}
