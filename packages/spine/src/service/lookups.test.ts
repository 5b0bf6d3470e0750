// While memories cannot be looked up, handoffs are made without them, flagged, and the receiver gets them later.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openContext } from '../client/context.ts'
import { SpineError } from '../protocol/errors.ts'
import { render } from '../protocol/render.ts'
import type { Statement } from '../store/database.ts'
import { openSqlite } from '../store/sqlite.ts'
import { handedOver, leaseOf, refused, sealed } from '../testing/conformance/subject.ts'
import { createSpine } from './spine.ts'

/** A spine whose memories, and only those, can be taken away for a while. */
async function spineWithOutage() {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const database = await openSqlite({ file: join(folder, 'spine.db'), ballast: { bytes: 0 } })
  const outage = { on: false }
  const read = async (statement: Statement) => {
    if (outage.on && /\bfrom (memories|memory_versions)\b/.test(statement.sql))
      throw new SpineError('STORAGE_FAILED', 'the memories are away')
    return database.read(statement)
  }
  const spine = await createSpine({ database: { ...database, read } })
  const close = async () => {
    await spine.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { spine, outage, [Symbol.asyncDispose]: close }
}

test('a handoff made during an outage is sealed with its gaps, and its receiver recovers them', async () => {
  await using opened = await spineWithOutage()
  const { spine, outage } = opened
  await spine.memories.store({ memories: [7, 8, 9].map((n) => ({ id: `ms-${n}`, content: `Rule ${n} holds.` })) })
  const warnings: string[] = []
  const call = {
    target_agent: 'coder',
    task_summary: 'Apply ms-8 through ms-9.',
    intent: 'Keep the rules.',
    constraints: { max_cost: 5 },
    memory_ids: ['ms-7'],
  }
  outage.on = true
  await refused(spine.handoffs.create({ ...call, require_complete: true }), 'INCOMPLETE')
  const envelope = await spine.handoffs.create(call, { onWarning: (warning) => void warnings.push(warning) })
  assert.match(warnings[0] ?? '', /cannot be looked up now \(the memories are away\)/)
  assert.deepEqual(
    envelope.completeness.gaps,
    ['ms-7', 'ms-8', 'ms-9'].map((id) => ({ id, reason: 'unavailable' })),
  )
  assert.deepEqual([envelope.completeness.score, envelope.constraints], [0, { max_cost: 5 }])
  assert.match(render(envelope), /missing \(unavailable\)/)

  const context = await openContext(spine, envelope)
  assert.equal(context.degraded, true)
  assert.deepEqual(context.output({ code: 1 }), { code: 1, context_gaps: context.gaps })
  await refused(openContext(spine, envelope, { require: ['ms-7'] }), 'INCOMPLETE')
  outage.on = false
  assert.deepEqual(await context.retry(), [])
  assert.deepEqual(
    context.memories.map(({ content }) => content),
    ['Rule 7 holds.', 'Rule 8 holds.', 'Rule 9 holds.'],
  )
  assert.equal((await openContext(spine, envelope, { require: ['ms-7'] })).degraded, false)
})

test('gaps travel with the output into the next envelope, where the next agent can close them', async () => {
  await using opened = await spineWithOutage()
  const { spine } = opened
  const held = await handedOver(spine, { memory_ids: ['later'] })
  const context = await openContext(spine, held.envelope)
  await spine.deliveries.complete({ ...leaseOf(held), output: context.output('half of it') as { result: string } })
  const next = await sealed(spine, { previous: held.id, source_agent: 'coder', target_agent: 'reviewer' })
  assert.match(render(next), /half of it/)
  assert.match(render(next), /context_gaps/)
  await spine.memories.store({ id: 'later', content: 'It came later.' })
  const reopened = await openContext(spine, held.envelope)
  assert.deepEqual([reopened.gaps, reopened.memories.at(-1)?.content], [[], 'It came later.'])
})
