// The project's own documents as memories, and their headings as questions, on SQLite and on PostgreSQL: both find the
// same memories with the same scores, and seal the same envelope. SPINE_RECALL_DATA=FILE, in the form that
// bench/recall.ts reads, does the same with other text.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSpine, openPostgres } from '../embedded.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Database } from '../store/database.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from './manual-clock.ts'
import { newDatabase } from './postgres/database.ts'
import { seeded } from './seeded.ts'

type Text = { name: string; memories: { content: string; author?: string; created_at?: string }[]; questions: string[] }

const TOP = 50
const BATCH = 100

function ownDocuments(): Text {
  const root = fileURLToPath(new URL('../../../../', import.meta.url))
  const files = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort()
  const blocks = files.flatMap((file) =>
    readFileSync(`${root}/${file}`, 'utf8')
      .split(/\n\n+/)
      .map((content) => ({ content: content.trim(), author: file })),
  )
  return {
    name: 'its own documents',
    memories: blocks.filter(({ content }) => content !== ''),
    questions: blocks.flatMap(({ content }) => content.match(/(?<=^#+ ).+/)?.[0] ?? []),
  }
}

type Stored = { id: string; memories: { text: string; at?: string; author?: string }[]; queries: { q: string }[] }

const textsOf = (file: string): Text[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const { id, memories, queries } = JSON.parse(line) as Stored
      return {
        name: id,
        memories: memories
          .filter(({ text }) => text !== '')
          .map(({ text, at, author }) => ({
            content: text,
            ...(at === undefined ? {} : { created_at: at }),
            ...(author === undefined ? {} : { author }),
          })),
        questions: queries.map(({ q }) => q),
      }
    })

async function filled(t: TestContext, database: Database, memories: Text['memories']): Promise<Spine> {
  const chance = seeded('real text')
  const spine = await createSpine({ database, clock: manualClock(), chance, watch: false, push: false })
  t.after(() => spine.close())
  for (let from = 0; from < memories.length; from += BATCH)
    await spine.memories.store({ memories: memories.slice(from, from + BATCH) })
  return spine
}

const file = process.env.SPINE_RECALL_DATA
for (const { name, memories, questions } of file ? textsOf(file) : [ownDocuments()])
  test(`${name}: the same memories with the same scores, and the same envelopes, on both databases`, async (t) => {
    assert.ok(memories.length > 100 && questions.length > 10)
    const { url, remove } = await newDatabase()
    t.after(remove)
    const lite = await filled(t, openSqliteInline(), memories)
    const post = await filled(t, await openPostgres({ url }), memories)
    let matches = 0
    for (const query of questions) {
      const found = async ({ memories }: Spine) => (await memories.search({ query, limit: TOP })).memories
      const expected = await found(lite)
      assert.deepEqual(await found(post), expected, query)
      matches += expected.length
      const sealed = ({ handoffs }: Spine) =>
        handoffs.create({ target_agent: 'reader', task_summary: query, previous: null })
      assert.deepEqual(await sealed(post), await sealed(lite), query)
    }
    t.diagnostic(`${memories.length} memories, ${questions.length} questions, ${matches} found`)
    assert.ok(matches >= questions.length)
  })
