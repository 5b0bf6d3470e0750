/**
 * How much of what the next agent needed is in the envelope it gets. Recorded runs are handed on as they were: for each
 * handoff the turns before it are stored, the chain so far is continued, and what the receiver would read is written
 * down, one line per handoff and budget. Somebody else scores it against what the receiver then used.
 */

import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { fitText, idStem, readLog, type Trace } from '../packages/spine/src/cli/replay/log.ts'
import { batchesOf, lastWords, memoriesOf } from '../packages/spine/src/cli/replay/turns.ts'
import { createSpine, openSqlite } from '../packages/spine/src/embedded.ts'
import { type Envelope, render, type Spine, SpineError } from '../packages/spine/src/index.ts'
import { tokenizer } from '../packages/spine/src/service/tokenizers.ts'

const { values: flags } = parseArgs({
  options: {
    traces: { type: 'string' },
    needed: { type: 'string' },
    budgets: { type: 'string', default: '500,1000,2000,4000' },
    /** References that the receiver fetches at most. */
    resolve: { type: 'string', default: '0' },
    out: { type: 'string' },
    /** `even` or `odd`: only every other trace, to develop on one half and to hold out the other. */
    half: { type: 'string' },
  },
})

/** One handoff of a trace: what the sender knew are the turns before `env_upto`. */
type Needed = { id: string; k: number; env_upto: number; from: string; to: string }
type Line = { id: string; k: number; budget: number; text: string; tokens_fetched?: number }

const max_hops = 64
const first_turn_at = Date.parse('2026-01-05T09:00:00.000Z')
const between_turns_ms = 60_000
const budgets = flags.budgets.split(',').map(Number)
const resolve = Number(flags.resolve)
const count = await tokenizer('o200k_base')

async function readNeeded(file: string): Promise<Map<string, Needed[]>> {
  const byTrace = new Map<string, Needed[]>()
  for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
    if (line.trim() === '') continue
    const needed = JSON.parse(line) as Needed
    byTrace.set(needed.id, [...(byTrace.get(needed.id) ?? []), needed])
  }
  return byTrace
}

/** The lines of one trace. Every budget has a chain of its own over the same memories. */
async function play(
  spine: Spine,
  trace: Trace,
  needed: readonly Needed[],
  write: (line: Line | SpineError) => void,
): Promise<void> {
  const stem = idStem(trace.id)
  const task = { task_id: `task:${stem}`, intent: fitText(trace.task) }
  const before = new Map<number, string>()
  let stored = 0
  for (const { k, env_upto, from, to } of needed.toSorted((left, right) => left.k - right.k)) {
    const turns = trace.turns.slice(stored, env_upto)
    const memories = turns.flatMap((turn) =>
      memoriesOf(turn, stem, task.task_id).map(({ id: _id, ...memory }) => ({
        ...memory,
        created_at: new Date(first_turn_at + turn.i * between_turns_ms).toISOString(),
      })),
    )
    for (const batch of batchesOf(memories)) await spine.memories.store({ memories: batch })
    stored = Math.max(stored, env_upto)
    for (const max_tokens of budgets) {
      const previous = before.get(max_tokens)
      const call = {
        source_agent: from,
        target_agent: to,
        task_summary: lastWords(trace.turns, env_upto, from),
        ...(previous === undefined ? { ...task, previous: null, max_hops, cycle: 'warn' as const } : { previous }),
        max_tokens,
      }
      const envelope = await spine.handoffs.create(call).catch(refusalOf)
      if (envelope instanceof SpineError) {
        write(envelope)
        continue
      }
      before.set(max_tokens, envelope.id)
      const line = { id: trace.id, k, budget: max_tokens, text: render(envelope) }
      write(resolve > 0 ? { ...line, ...(await fetched(spine, envelope, line.text)) } : line)
    }
  }
}

/** A handoff that is refused has no envelope; the run goes on without it. */
function refusalOf(error: unknown): SpineError {
  if (error instanceof SpineError) return error
  throw error
}

/** As the receiver would: the references in their order whose content the envelope does not show whole. */
async function fetched(spine: Spine, envelope: Envelope, text: string): Promise<Pick<Line, 'text' | 'tokens_fetched'>> {
  const whole = new Set(envelope.memories.filter(({ level }) => level === 'full').map(({ id }) => id))
  const refs = envelope.memory_refs.filter((ref) => !whole.has(ref)).slice(0, resolve)
  if (refs.length === 0) return { text, tokens_fetched: 0 }
  const { memories } = await spine.memories.resolve({ refs, envelope_id: envelope.id })
  const contents = memories.map(({ content }) => content)
  return {
    text: [text, ...contents].join('\n'),
    tokens_fetched: contents.reduce((sum, content) => sum + count(content), 0),
  }
}

async function main(): Promise<void> {
  if (!flags.traces || !flags.needed || !flags.out) throw new Error('--traces, --needed and --out are needed')
  const parity = flags.half === undefined ? undefined : Number(flags.half === 'odd')
  const traces = (await readLog(flags.traces)).filter((_, index) => parity === undefined || index % 2 === parity)
  const needed = await readNeeded(flags.needed)
  const out = createWriteStream(flags.out)
  const began = performance.now()
  let lines = 0
  let refused = 0
  let tokens_fetched = 0
  for (const [index, trace] of traces.entries()) {
    // A store of its own: what other runs left behind would be found, too.
    const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
    await play(spine, trace, needed.get(trace.id) ?? [], (line) => {
      if (line instanceof SpineError) {
        refused += 1
        process.stderr.write(`${trace.id}: ${line.message}\n`)
        return
      }
      out.write(`${JSON.stringify(line)}\n`)
      lines += 1
      tokens_fetched += line.tokens_fetched ?? 0
    }).finally(() => spine.close())
    progress(index + 1, traces.length)
  }
  await new Promise<void>((resolve, reject) => out.end((error?: Error | null) => (error ? reject(error) : resolve())))
  const seconds = Math.round((performance.now() - began) / 100) / 10
  const fetched_mean = resolve > 0 ? { resolve, tokens_fetched_mean: Math.round(tokens_fetched / lines) } : {}
  console.log(JSON.stringify({ traces: traces.length, envelopes: lines, refused, seconds, ...fetched_mean }))
}

function progress(done: number, of: number): void {
  if (!process.stderr.isTTY && done % 20 !== 0 && done !== of) return
  const bar = '#'.repeat(Math.round((done / of) * 30)).padEnd(30, '.')
  process.stderr.write(process.stderr.isTTY ? `\r[${bar}] ${done} of ${of} traces` : `${done} of ${of} traces\n`)
  if (process.stderr.isTTY && done === of) process.stderr.write('\n')
}

await main()
