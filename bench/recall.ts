/**
 * How much of the evidence for a question is in the envelope that is made for it. Each store's memories are stored as a
 * user would (author, time, session), each question is the summary of a handoff, and what the envelope carries with
 * content is written down, one line per question and budget, best first. Somebody else scores it; a summary is printed.
 *
 * A budget here is what the memories may cost as "[date] author: text" lines. The envelope has more to say than them,
 * so its own budget is sought: the largest at which its memories stay within the stated one.
 */

import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createSpine, openSqlite } from '../packages/spine/src/embedded.ts'
import type { Envelope, Spine } from '../packages/spine/src/index.ts'
import { DEFAULT_TOKENIZER, tokenizer } from '../packages/spine/src/service/tokenizers.ts'

const { values: flags } = parseArgs({
  options: {
    data: { type: 'string' },
    budgets: { type: 'string', default: '500,1000,2000,4000' },
    out: { type: 'string' },
    /** Count a memory as carried when any part of it travels; otherwise at least half of its tokens must. */
    any: { type: 'boolean', default: false },
    /** Only the first so many questions of each store. */
    questions: { type: 'string' },
  },
})

type Stored = { id: string; text: string; at?: string; author?: string; session?: string }
type Store = { id: string; memories: Stored[]; queries: { q: string; evidence: string[] }[] }
type Selection = { ids: string[]; tokens: number }

const budgets = flags.budgets.split(',').map(Number)
const questions = Number(flags.questions ?? Number.POSITIVE_INFINITY)
const count = await tokenizer(DEFAULT_TOKENIZER)
const BATCH = 500
/** Envelopes made at most to find the largest that keeps to a budget. */
const TRIES = 6

async function storeAll(spine: Spine, store: Store): Promise<void> {
  // Of a turn without a word there is nothing to remember.
  const memories = store.memories.filter(({ text }) => text !== '')
  for (let from = 0; from < memories.length; from += BATCH)
    await spine.memories.store({
      memories: memories.slice(from, from + BATCH).map(({ id, text, at, author, session }) => ({
        id,
        content: text,
        ...(author === undefined ? {} : { author }),
        ...(at === undefined ? {} : { created_at: at }),
        ...(session === undefined ? {} : { metadata: { session } }),
      })),
    })
}

/** What of an envelope travels with content, and its tokens as the stated budget counts them. */
function selectionOf({ memories }: Envelope, known: ReadonlyMap<string, Stored>): Selection {
  let tokens = 0
  const ids: string[] = []
  for (const { id, content, tokens: whole } of memories) {
    if (content === undefined) continue
    const { at, author } = known.get(id) ?? {}
    tokens += count(`${at === undefined ? '' : `[${at.slice(0, 10)}] `}${author ?? ''}: ${content}\n`)
    if (flags.any || count(content) * 2 >= whole) ids.push(id)
  }
  return { ids, tokens }
}

/** Narrows the envelope's budget down to the largest whose memories keep to `budget`. */
async function select(spine: Spine, q: string, budget: number, known: ReadonlyMap<string, Stored>): Promise<Selection> {
  let best: Selection = { ids: [], tokens: 0 }
  let [low, high] = [0, Number.POSITIVE_INFINITY]
  let max_tokens = Math.round(budget * 1.2) + 150
  for (let tried = 0; tried < TRIES; tried += 1) {
    const envelope = await spine.handoffs.create({
      target_agent: 'reader',
      task_summary: q,
      previous: null,
      max_tokens,
    })
    const found = selectionOf(envelope, known)
    if (found.tokens <= budget) {
      if (found.tokens >= best.tokens) best = found
      low = max_tokens
    } else high = max_tokens
    if (found.tokens <= budget && (found.tokens >= budget * 0.985 || envelope.token_count < max_tokens * 0.9)) break
    const ratio = Math.min(3, max_tokens / Math.max(1, found.tokens))
    const guess = Math.round(max_tokens + (budget * 0.995 - found.tokens) * ratio)
    max_tokens = guess > low && guess < high ? guess : Math.round((low + Math.min(high, low * 2)) / 2)
    if (max_tokens === low) break
  }
  return best
}

async function main(): Promise<void> {
  if (!flags.data || !flags.out)
    throw new Error('usage: node bench/recall.ts --data FILE --out FILE [--budgets 500,1000] [--any]')
  const out = createWriteStream(flags.out)
  const recall = new Map(budgets.map((budget) => [budget, 0]))
  let asked = 0
  for await (const line of createInterface({ input: createReadStream(flags.data, 'utf8') })) {
    if (line.trim() === '') continue
    const store = JSON.parse(line) as Store
    const known = new Map(store.memories.map((memory) => [memory.id, memory]))
    const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
    await storeAll(spine, store)
    for (const [query, { q, evidence }] of store.queries.slice(0, questions).entries()) {
      for (const budget of budgets) {
        const { ids, tokens } = await select(spine, q, budget, known)
        out.write(`${JSON.stringify({ store: store.id, query, budget, ids, tokens })}\n`)
        const hits = evidence.filter((id) => ids.includes(id)).length
        recall.set(budget, (recall.get(budget) ?? 0) + hits / Math.max(1, evidence.length))
      }
      asked += 1
      process.stderr.write(`\r${store.id}: ${query + 1} of ${store.queries.length} questions   `)
    }
    await spine.close()
  }
  await new Promise((resolve) => out.end(resolve))
  process.stderr.write('\n')
  const percent = Object.fromEntries([...recall].map(([budget, sum]) => [budget, +((100 * sum) / asked).toFixed(1)]))
  process.stdout.write(
    `${JSON.stringify({ questions: asked, counted: flags.any ? 'any part' : 'half', recall: percent })}\n`,
  )
}

await main()
