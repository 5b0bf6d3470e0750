/** Deliveries that are pushed to an address: signed, accepted by a 2xx, and otherwise as all the others. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { digestOf } from '../../protocol/canonical.ts'
import type { Delivery } from '../../protocol/delivery.ts'
import type { Spine } from '../../protocol/spine.ts'
import { type Hook, pushSecret } from './hooks.ts'
import { newNamespace, type OpenSubject, receivedOne, refused, type Subject, sealed, sent } from './subject.ts'

const MINUTE = 60_000
const push_secrets = [pushSecret]

type Profile = Omit<Parameters<Spine['agents']['put']>[0], 'name'>

export const pushTo = (spine: Spine, { url: push_url }: Hook, profile: Profile = {}) =>
  spine.agents.put({ name: 'coder', push_url, push_secrets, ...profile })

export function pushSuite(name: string, openSubject: OpenSubject): void {
  const start = async (): Promise<Subject & { spine: Spine }> => {
    const subject = await openSubject()
    return { ...subject, spine: await subject.at(newNamespace()) }
  }

  describe(`push (${name})`, { concurrency: 8 }, () => {
    test('a delivery is posted with its lease and signed; a 2xx accepts it, and its token completes it later', async () => {
      const { spine, hooks } = await start()
      const hook = hooks.hook()
      await pushTo(spine, hook)
      const envelope = await sealed(spine, { intent: 'Exports must not fail.' })
      const accepted = await spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted' })
      const [push] = hook.pushes
      assert.ok(push)
      assert.deepEqual([accepted.state, push.type, push.data.id], ['accepted', 'delivery.pushed', accepted.id])
      // The library of Standard Webhooks itself: it throws when the signature or the time is wrong.
      new Webhook(pushSecret).verify(push.body, push.headers as Record<string, string>)
      assert.equal(push.headers['webhook-id'], accepted.id)
      assert.deepEqual([push.data.attempt, push.data.target, push.data.state], [1, 'coder', 'leased'])
      const { digest, ...document } = push.data.envelope
      assert.deepEqual([digest, digestOf(document)], [envelope.digest, envelope.digest])
      assert.match(push.data.text, /## Task\n[\s\S]*Exports must not fail\./)
      const lease = Date.parse(accepted.lease_until ?? '') - Date.parse(accepted.accepted_at ?? '')
      assert.equal(lease, 15 * MINUTE)
      const { id, lease_token } = push.data
      const done = await spine.deliveries.complete({ id, lease_token, output: { files: 2 } })
      assert.deepEqual([done.state, done.output], ['completed', { files: 2 }])
      assert.equal(hook.pushes.length, 1)
    })

    test('an answer that says completed completes it, with its output', async () => {
      const { spine, hooks } = await start()
      await pushTo(
        spine,
        hooks.hook(() => ({ body: { state: 'completed', output: ['a', 1] } })),
      )
      const { id: envelope_id } = await sealed(spine)
      const { state, output } = await spine.deliveries.send({ envelope_id, wait: 'completed' })
      assert.deepEqual([state, output], ['completed', ['a', 1]])
    })

    test('what waited before the address was known is pushed, and any text is a good answer', async () => {
      const { spine, hooks } = await start()
      const { delivery } = await sent(spine)
      await pushTo(
        spine,
        hooks.hook(() => ({ status: 202, body: 'Thank you.' })),
      )
      const { envelope_id } = delivery
      assert.equal((await spine.deliveries.send({ envelope_id, wait: 'accepted' })).state, 'accepted')
    })

    test('secrets are never read back; they stay with their address, and another address needs its own', async () => {
      const { spine, hooks } = await start()
      const hook = hooks.hook()
      const answers: unknown[] = [await pushTo(spine, hook)]
      const { url: push_url } = hook
      answers.push(await spine.agents.put({ name: 'coder', push_url, accept_lease_ms: 5_000 }))
      answers.push(await spine.agents.get({ name: 'coder' }), await spine.agents.list({}))
      const { id: envelope_id } = await sealed(spine)
      answers.push(await spine.deliveries.send({ envelope_id, wait: 'accepted' }))
      answers.push(await spine.health.events({}))
      assert.ok(!JSON.stringify(answers).includes(pushSecret.slice(6)))
      const [push] = hook.pushes
      assert.ok(push)
      new Webhook(pushSecret).verify(push.body, push.headers as Record<string, string>)
      const put = (profile: Profile) => refused(spine.agents.put({ name: 'coder', ...profile }), 'INVALID_INPUT')
      await put({ push_url: hooks.hook().url })
      await put({ push_secrets })
      const short = await put({ push_url, push_secrets: ['whsec_c2hvcnQ='] })
      assert.ok(!JSON.stringify([short.message, short.extra]).includes('c2hvcnQ'))
      assert.equal((await spine.agents.get({ name: 'coder' })).push_url, push_url)
    })

    test('private, plain and telling addresses are refused when they are set', async () => {
      const { spine, hooks } = await start()
      const password = `http://user:word@${hooks.host}/`
      for (const push_url of ['https://10.0.0.1/', 'http://hooks.example.com/', 'ftp://x/', 'nowhere', password]) {
        const { message } = await refused(spine.agents.put({ name: 'coder', push_url, push_secrets }), 'INVALID_INPUT')
        assert.match(message, /push_url/)
      }
    })

    test('a key that is bound to an agent cannot turn the deliveries of another one to itself', async () => {
      const subject = await openSubject()
      const own = await subject.at(newNamespace(), 'mallory')
      const hook = subject.hooks.hook()
      await refused(pushTo(own, hook), 'FORBIDDEN')
      assert.equal((await own.agents.put({ name: 'mallory', push_url: hook.url, push_secrets })).push_url, hook.url)
    })

    test('a receiver may answer by calls before it answers the push, and hand on', async () => {
      const { spine, hooks } = await start()
      const hook = hooks.hook(async ({ data: { id, lease_token } }) => {
        const handoff = { target_agent: 'writer', task_summary: 'Write it down.' }
        await spine.deliveries.forward({ id, lease_token, handoff, output: 'handed on' })
        return {}
      })
      await pushTo(spine, hook)
      const { id: envelope_id } = await sealed(spine, { source_agent: 'planner' })
      const { state, output } = await spine.deliveries.send({ envelope_id, wait: 'completed' })
      assert.deepEqual([state, output], ['completed', 'handed on'])
      assert.equal((await receivedOne(spine, 'writer')).envelope.chain.hop, 2)
    })

    test('a receiver of version 1 gets what it can read', async () => {
      const { spine, hooks } = await start()
      const hook = hooks.hook()
      await pushTo(spine, hook, { accepts_versions: ['1'] })
      const { id: envelope_id } = await sealed(spine)
      await spine.deliveries.send({ envelope_id, wait: 'accepted' })
      assert.equal(hook.pushes[0]?.data.envelope.envelope_version, 1 as unknown)
    })

    test('an output is looked through for secrets as everywhere; one that cannot be kept parks the delivery', async () => {
      const { spine, hooks } = await start()
      const deep = `${'['.repeat(70)}${']'.repeat(70)}`
      const outputs: Record<string, string> = {
        leaky: JSON.stringify(`The key is ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}.`),
        deep,
        long: JSON.stringify('x'.repeat(300_000)),
      }
      const ends: Record<string, Delivery> = {}
      for (const [agent, output] of Object.entries(outputs)) {
        const { url: push_url } = hooks.hook(() => ({ body: `{"state":"completed","output":${output}}` }))
        await spine.agents.put({ name: agent, push_url, push_secrets })
        const { id: envelope_id } = await sealed(spine, { target_agent: agent })
        ends[agent] = await spine.deliveries.send({ envelope_id, wait: 'completed' })
      }
      const { leaky, deep: nested, long } = ends
      assert.equal(leaky?.state, 'completed')
      assert.doesNotMatch(JSON.stringify(leaky?.output), /ghp_/)
      assert.deepEqual([nested?.state, long?.state], ['parked', 'parked'])
      assert.match(nested?.reason ?? '', /output is refused/)
      assert.match(long?.reason ?? '', /too large; store the output as a memory/)
    })
  })
}
