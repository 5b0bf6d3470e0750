// A store that hosts share, when its owner dies in the middle of a call: what was done is not done again.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createNodeServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { connect } from '../client/connect.ts'
import { createSpine, openSqlite } from '../embedded.ts'
import type { Spine } from '../protocol/spine.ts'
import { createServer } from '../server.ts'
import { sharedSpine } from './shared-spine.ts'

/** The owner of a file. From `die` on it does what it is called for, and is gone before it can answer. */
async function owner(file: string) {
  const database = await openSqlite({ file, ballast: { bytes: 0 } })
  const spine = await createSpine({ database })
  const server = createServer({ spine, log_level: 'silent' })
  const endpoint = await server.listen()
  let dying = false
  let gone = false
  const end = async () => {
    if (gone) return
    gone = true
    door.close()
    await server.close()
    await spine.close()
    door.closeAllConnections()
  }
  const door = createNodeServer(async (request, response) => {
    const { method = '', headers, url } = request
    const body = await buffer(request)
    const init = { method, headers: headers as Record<string, string>, ...(body.length > 0 && { body }) }
    const answer = await fetch(`${endpoint}${url}`, init).catch(() => undefined)
    if (!answer || dying) return end()
    response
      .writeHead(answer.status, { 'content-type': 'application/json' })
      .end(Buffer.from(await answer.arrayBuffer()))
  })
  await once(door.listen(0, '127.0.0.1'), 'listening')
  database.announce(`http://127.0.0.1:${(door.address() as AddressInfo).port}`)
  return {
    spine,
    end,
    die() {
      dying = true
    },
  }
}

async function shared(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'shared-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'spine.db')
  const first = await owner(file)
  const connected: Spine[] = []
  const connectTo = (endpoint: string) => {
    const spine = connect({ endpoint })
    connected.push(spine)
    return spine
  }
  const spine = sharedSpine({ store: `sqlite:${file}` }, connectTo)
  t.after(() => spine.close())
  return { first, spine, connected }
}

test('calls that the owner did before it died are not done again by the next one, which all callers share', async (t) => {
  const { first, spine, connected } = await shared(t)
  await spine.memories.store({ content: 'Before.' })
  first.die()
  const wanted = ['One.', 'Two.', 'Three.', 'Four.']
  const stored = await Promise.all(wanted.map((content) => spine.memories.store({ content })))
  const { memories } = await spine.memories.list({})
  assert.deepEqual(memories.map(({ content }) => content).toSorted(), ['Before.', ...wanted].toSorted())
  assert.deepEqual(
    stored.map(({ memories: [one] }) => one?.content),
    wanted,
  )
  assert.equal(connected.length, 2)
})

test('what the owner may have handed out is not taken once more in the same call, and the next call takes over', async (t) => {
  const { first, spine } = await shared(t)
  for (const task_summary of ['First.', 'Second.']) {
    const { id } = await spine.handoffs.create({ target_agent: 'coder', task_summary, previous: null })
    await spine.deliveries.send({ envelope_id: id })
  }
  first.die()
  await assert.rejects(spine.deliveries.receive({ agent: 'coder', wait_ms: 0 }), { code: 'UNREACHABLE' })
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 0, max: 10 })
  assert.ok(deliveries.length >= 1)
})

test('a client that is closed ends its waits, and neither looks for an owner again nor becomes one', async (t) => {
  const { first, spine, connected } = await shared(t)
  await spine.memories.list({})
  const waiting = assert.rejects(spine.deliveries.receive({ agent: 'coder', wait_ms: 60_000 }), {
    code: 'SHUTTING_DOWN',
  })
  await spine.close()
  await waiting
  await first.end()
  await assert.rejects(spine.memories.list({}), { code: 'SHUTTING_DOWN' })
  assert.equal(connected.length, 1)
})
