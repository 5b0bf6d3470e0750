import assert, { AssertionError } from 'node:assert/strict'
import { test } from 'node:test'
import { createSpine, openSqlite } from '../embedded.ts'
import { type ChainStep, runChain, testSpine } from '../testing.ts'

test('what an agent returns is its output, and goes on to the next', async () => {
  await using spine = await testSpine()
  const seen: string[] = []
  const run = await runChain(
    spine,
    [
      {
        agent: 'researcher',
        handler: () => ({ found: 'the gateway drops 1 % of calls' }),
        task_summary: 'Plan a retry.',
      },
      {
        agent: 'planner',
        handler: ({ envelope, text }) => {
          seen.push(envelope.task.summary)
          assert.ok(text.includes('the gateway drops 1 % of calls'))
          return 'back off, with jitter'
        },
      },
    ],
    { intent: 'Payments must survive an outage.', task_summary: 'Find out why.' },
  )
  assert.deepEqual(seen, ['Plan a retry.'])
  assert.equal(run.output, 'back off, with jitter')
  assert.deepEqual(
    run.deliveries.map(({ target, state }) => `${target} ${state}`),
    ['researcher completed', 'planner completed'],
  )
  assert.deepEqual(run.envelopes[1]?.chain.path, ['unknown', 'researcher', 'planner'])
})

test('a handler that throws is tried again after its pause, without waiting for it', async () => {
  await using spine = await testSpine()
  let tries = 0
  const { deliveries, output } = await runChain(spine, [
    {
      agent: 'flaky',
      handler: () => {
        tries += 1
        if (tries < 3) throw new Error(`try ${tries} failed`)
        return tries
      },
    },
  ])
  assert.deepEqual([output, deliveries[0]?.attempts], [3, 3])
})

test('a chain that stops says where, why, and what was thrown', async () => {
  await using spine = await testSpine()
  const broken = () => {
    throw new Error('no disk')
  }
  await assert.rejects(runChain(spine, [{ agent: 'broken', handler: broken }]), (error) => {
    assert.ok(error instanceof AssertionError)
    assert.match(error.message, /the delivery to broken is parked: Error: no disk/)
    assert.equal((error.cause as Error).message, 'no disk')
    return true
  })
  const on: ChainStep[] = ['a', 'b', 'c'].map((agent) => ({ agent, handler: () => 1 }))
  await assert.rejects(
    runChain(spine, on, { max_hops: 2 }),
    /HOP_LIMIT: .* of at most 2 \(`max_hops`\)\. Path: [^.]+\.$/,
  )
  const astray: ChainStep = {
    agent: 'a',
    handler: ({ forward }) => forward({ target_agent: 'z', task_summary: 'Go.' }),
  }
  await assert.rejects(runChain(spine, [astray, { agent: 'b', handler: () => 1 }]), /the delivery to b got nothing/)
  await assert.rejects(runChain(spine, []), AssertionError)
})

test('it runs over any spine, with the clock of the system', async () => {
  const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
  const { output } = await runChain(spine, [
    { agent: 'a', handler: () => 1 },
    { agent: 'b', handler: () => 2 },
  ])
  assert.equal(output, 2)
  await spine.close()
})
