/** Versions side by side: what was sealed never changes, and every receiver gets what it can read. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf, exactBytes, rememberBytes, sha256 } from '../../protocol/canonical.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { render } from '../../protocol/render.ts'
import { type Envelope1, envelope1 } from '../../protocol/version-1.ts'
import { parseEnvelope, readEnvelope } from '../../protocol/versions.ts'
import {
  contents,
  fresh,
  leaseOf,
  newNamespace,
  type OpenSubject,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

/** What is not typed as version 2, because it is not. */
const asVersion1 = (document: object): Envelope1 => envelope1.parse(document)

/** A version 1 envelope as another system would write it. */
function old(change: Record<string, unknown> = {}) {
  const members = {
    summary: 'Check the window.',
    envelope_version: 1,
    id: `env_old_${newNamespace()}`,
    created_at: '2026-01-05T10:00:00.000Z',
    source_agent: 'planner',
    target_agent: 'coder',
    intent: 'Move the deploy window. Never touch prod.',
    context: 'The window is Tuesday 06:00 UTC.',
    constraints: { max_cost: 100 },
    memory_ids: ['ms-1'],
    mood: 'kept',
    ...change,
  }
  const document = { ...members, digest: digestOf(members) }
  const text = JSON.stringify(document, null, 1)
  return { text, document: rememberBytes(JSON.parse(text) as typeof document, new TextEncoder().encode(text)) }
}

const bytesOf = (document: object) => new TextDecoder().decode(exactBytes(document))

export function versionsSuite(name: string, open: OpenSubject): void {
  describe(`versions (${name})`, { concurrency: 8 }, () => {
    test('a receiver that reads version 1 only gets a view that names the original, and the original stays', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'ms-1', content: 'The window is Tuesday.' })
      await spine.agents.put({ name: 'coder', accepts_versions: ['1'] })
      const { envelope } = await sent(spine, { intent: 'Move it.', constraints: { max_cost: 9 }, memory_ids: ['ms-1'] })
      const held = await receivedOne(spine)
      const view = held.envelope
      assert.equal('digest' in view, false)
      assert.deepEqual(view.derived_from, { id: envelope.id, digest: envelope.digest })
      const read = asVersion1(view)
      assert.equal(read.envelope_version, 1)
      assert.deepEqual(
        [read.intent, read.summary, read.context, read.constraints, read.memory_ids, read.token_count],
        [
          'Move it.',
          envelope.task.summary,
          render(envelope),
          { max_cost: 9 },
          envelope.memory_refs,
          envelope.token_count,
        ],
      )
      await spine.deliveries.complete({ ...leaseOf(held), output: 'done' })
      const now = await spine.handoffs.get({ id: envelope.id })
      assert.equal(now.digest, envelope.digest)
      assert.equal(digestOf(now), envelope.digest)
      assert.deepEqual(await spine.handoffs.get({ id: envelope.id, version: '1' }), view)
      assert.equal(readEnvelope(view).task.intent, 'Move it.')
    })

    test('what nobody here can write is parked with the reason', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', accepts_versions: ['3'] })
      const { delivery } = await sent(spine)
      assert.equal(delivery.state, 'parked')
      assert.match(String(delivery.reason), /reads versions 3, the envelope has 2/)
    })

    test('a version 1 envelope is imported byte for byte, read as version 2, and continued', async () => {
      const spine = await fresh(open)
      const { document, text } = old()
      const handoff = await spine.handoffs.import({ envelope: document })
      assert.deepEqual([handoff.envelope_version, handoff.digest, handoff.verified], ['1', document.digest, false])
      assert.deepEqual(await spine.handoffs.import({ envelope: document }), { ...handoff, duplicate: true })
      assert.equal(bytesOf(await spine.handoffs.get({ id: document.id })), text)
      await spine.deliveries.send({ envelope_id: document.id })
      const held = await receivedOne(spine)
      assert.equal(bytesOf(held.envelope), text)
      const next = await sealed(spine, { source_agent: 'coder', target_agent: 'writer', previous: held.id })
      assert.deepEqual(
        [next.task.intent, next.constraints, next.chain.hop, next.chain.previous, next.chain.root_id],
        [document.intent, { max_cost: 100 }, 2, [{ id: document.id, digest: document.digest }], document.id],
      )
      assert.match(render(next), /The window is Tuesday 06:00 UTC/)
      const { envelopes } = await spine.handoffs.lineage({ id: next.id })
      assert.deepEqual(envelopes.map(bytesOf), [text, bytesOf(next)])
      const report = await spine.handoffs.diff({ a: document.id, b: next.id })
      assert.deepEqual([report.path, report.kinds.intent?.survived, report.kinds.constraint?.survived], ['chain', 1, 1])
    })

    test('a receiver that reads version 2 only gets a version 1 envelope as a view', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', accepts_versions: ['2'] })
      const { document } = old()
      await spine.deliveries.send({ envelope: document })
      const { envelope } = await receivedOne(spine)
      assert.deepEqual(
        [envelope.envelope_version, 'digest' in envelope, envelope.derived_from],
        ['2', false, { id: document.id, digest: document.digest }],
      )
      assert.equal(envelope.task.intent, document.intent)
      assert.match(render(readEnvelope(envelope)), /The window is Tuesday 06:00 UTC/)
    })

    test('a version 1 envelope with a wrong digest or shape is refused, one without a digest is taken', async () => {
      const spine = await fresh(open)
      const before = await contents(spine)
      const { document } = old()
      const wrong = { ...document, digest: `sha256:${'0'.repeat(64)}` }
      await refused(spine.handoffs.import({ envelope: wrong }), 'DIGEST_MISMATCH')
      await refused(spine.handoffs.import({ envelope: { ...document, summary: 7 } }), 'INVALID_INPUT')
      const view = { ...document, digest: undefined, derived_from: { id: 'x', digest: 'y' }, envelope_version: '2' }
      await refused(spine.handoffs.import({ envelope: JSON.parse(JSON.stringify(view)) }), 'INVALID_INPUT')
      assert.deepEqual(await contents(spine), before)
      const { digest: _digest, ...bare } = document
      const handoff = await spine.handoffs.import({ envelope: bare })
      assert.equal(handoff.digest, document.digest)
      assert.deepEqual(await spine.handoffs.get({ id: document.id }), bare)
    })

    test('emitted in both, a handoff has two sealed forms and one delivery, and each receiver gets its own', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      await spine.agents.put({ name: 'both', accepts_versions: ['1', '2'] })
      const envelope = await sealed(spine, { target_agent: 'old', intent: 'Move it.', emit: ['1', '2'] })
      assert.equal(envelope.envelope_version, '2')
      const form = await spine.handoffs.get({ id: envelope.id, version: '1' })
      assert.equal(form.digest, digestOf(form))
      assert.notEqual(form.digest, envelope.digest)
      assert.equal('derived_from' in form, false)
      assert.equal(parseEnvelope(form).task.intent, 'Move it.')
      const delivery = await spine.deliveries.send({ envelope_id: envelope.id })
      assert.equal((await spine.deliveries.list({ envelope_id: envelope.id })).deliveries.length, 1)
      const held = await receivedOne(spine, 'old')
      assert.deepEqual([held.id, held.envelope.digest], [delivery.id, form.digest])
      assert.equal(sha256(exactBytes(held.envelope) ?? ''), sha256(exactBytes(form) ?? ''))
      await spine.deliveries.send({ envelope_id: envelope.id, target: 'both' })
      assert.equal((await receivedOne(spine, 'both')).envelope.digest, envelope.digest)
      await refused(sealed(spine, { emit: ['1'] }), 'INVALID_INPUT')
    })

    test('a broadcast parks whoever reads no emitted form; emitted in both, the old one gets its form', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      const publish = async (emit: ('1' | '2')[]) => {
        const envelope: Envelope = await sealed(spine, { target_agent: 'broadcast', emit })
        const { deliveries } = await spine.channels.publish({
          channel: 'reviews',
          envelope_id: envelope.id,
          receivers: ['new', 'old'],
        })
        return deliveries.map(({ target, state, reason }) => [target, state, reason ?? ''])
      }
      const [, parked] = await publish(['2'])
      assert.deepEqual(parked?.slice(0, 2), ['old', 'parked'])
      assert.match(parked?.[2] ?? '', /reads versions 1, the envelope has 2/)
      assert.deepEqual(await publish(['1', '2']), [
        ['new', 'ready', ''],
        ['old', 'ready', ''],
      ])
      const { envelope } = await receivedOne(spine, 'old')
      assert.equal(asVersion1(envelope).digest, digestOf(envelope))
    })

    test('a forward to a channel counts the forms that are sealed with it', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      const { delivery } = await sent(spine)
      const held = await receivedOne(spine)
      const { deliveries } = await spine.deliveries.forward({
        ...leaseOf(held),
        channel: 'reviews',
        receivers: ['old'],
        handoff: { task_summary: 'Review it.', emit: ['2', '1'] },
      })
      assert.equal(held.id, delivery.id)
      assert.equal(deliveries[0]?.state, 'ready')
      assert.equal(asVersion1((await receivedOne(spine, 'old')).envelope).hop, 2)
    })
  })
}
