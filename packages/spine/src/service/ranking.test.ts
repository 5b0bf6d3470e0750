// Of a store that is too large to be ranked whole, what is looked at: the best words, and what stands around them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteInline } from '../store/sqlite.ts'
import { createSpine } from './spine.ts'

test('where few memories match, more is looked at around them', async () => {
  const spine = await createSpine({ database: openSqliteInline(), watch: false })
  try {
    const said = (at: number) => (at === 600 ? 'The vault is open.' : `Remark ${at}.`)
    for (let from = 0; from < 1_200; from += 400)
      await spine.memories.store({
        memories: Array.from({ length: 400 }, (_, at) => ({ id: `m${from + at}`, content: said(from + at) })),
      })
    const { memories } = await spine.memories.search({ query: 'vault', limit: 60 })
    const found = new Set(memories.map(({ id }) => id))
    assert.equal(memories[0]?.id, 'm600')
    for (const near of ['m590', 'm597', 'm603', 'm610']) assert.ok(found.has(near), near)
    assert.ok(!found.has('m10'))
  } finally {
    await spine.close()
  }
})
