/** `memory-spine replay`: plays a log of recorded runs, several at once, and sums up how the handoffs went. */

import { randomUUID } from 'node:crypto'
import { access } from 'node:fs/promises'
import { MemorySpine } from '../../client/memory-spine.ts'
import type { Receiver } from '../../client/receive.ts'
import { type ConfigInForce, countOf, UsageError } from '../config.ts'
import { type LocalServer, startLocalServer, startTemporaryServer } from '../local-server.ts'
import type { Output } from '../output.ts'
import { progressLine } from '../progress.ts'
import { type HandoffRow, summaryOf } from './figures.ts'
import { LogError, readLog, type Trace } from './log.ts'
import { createPlay, type Play } from './play.ts'

const most_errors_said = 10

export async function replay(
  file: string,
  flags: Record<string, unknown>,
  config: ConfigInForce,
  output: Output,
): Promise<number> {
  const concurrency = countOf('--concurrency', flags.concurrency)
  const max_tokens = flags.maxTokens === undefined ? undefined : countOf('--max-tokens', flags.maxTokens)
  const traces = await readTraces(file)
  const place = await openPlace(config, output)
  try {
    const began = performance.now()
    const { rows, errors } = await playAll(
      traces,
      { client: place.client, concurrency, ...(max_tokens && { max_tokens }) },
      output,
    )
    for (const error of errors.slice(0, most_errors_said)) output.progress(error)
    if (errors.length > most_errors_said) output.progress(`and ${errors.length - most_errors_said} more`)
    const summary = summaryOf(traces.length, rows)
    output.say(`Played ${summary.traces} traces in ${((performance.now() - began) / 1_000).toFixed(1)} s.`)
    for (const [key, value] of Object.entries(summary)) output.say(`  ${key.padEnd(16)} ${value}`)
    output.answer(summary)
    return summary.failed > 0 || errors.length > 0 ? 1 : 0
  } finally {
    await place.close()
  }
}

async function readTraces(file: string): Promise<Trace[]> {
  await access(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : error.message
    throw new UsageError(`${file} cannot be read: ${why}. Give the path of a log: JSON lines, one trace in each.`)
  })
  try {
    return await readLog(file)
  } catch (error) {
    throw error instanceof LogError ? new UsageError(`${file}\n${error.message}`) : error
  }
}

/** Its own temporary server, unless an endpoint or a store is named. */
async function openPlace(
  { values, origins }: ConfigInForce,
  output: Output,
): Promise<{ client: MemorySpine; close(): Promise<void> }> {
  const { endpoint, api_key, store } = values
  const named = (key: 'endpoint' | 'store') => origins[key] === 'flag' || origins[key] === 'variable'
  // A key decides the namespace. Without one, a namespace of its own keeps the agents of a log apart from agents at work that have the same names.
  const namespace = values.namespace ?? `replay-${randomUUID().slice(0, 8)}`
  let server: LocalServer | undefined
  if (origins.store === 'flag') server = await startLocalServer({ store })
  else if (!named('endpoint')) server = await startTemporaryServer()
  const url = server?.endpoint ?? endpoint
  if (!server || origins.store === 'flag')
    output.progress(api_key && !server ? `playing into ${url}` : `playing into ${url}, namespace ${namespace}`)
  const client = new MemorySpine({ endpoint: url, ...(api_key && !server ? { api_key } : { namespace }) })
  const close = async () => {
    await client.close()
    await server?.close()
  }
  return { client, close }
}

type PlayAllOptions = { client: MemorySpine; concurrency: number; max_tokens?: number }

/** Plays the traces, so many at once. An agent of several traces is one agent with one inbox. */
export async function playAll(
  traces: readonly Trace[],
  options: PlayAllOptions,
  output: Output,
): Promise<{ rows: HandoffRow[]; errors: string[] }> {
  const { client, concurrency, max_tokens } = options
  const rows: HandoffRow[] = []
  const errors: string[] = []
  const inboxes = createInboxes(client, concurrency, (error) => errors.push(String(error)))
  const show = progressLine(output)
  const waiting = traces.values()
  let done = 0

  const lane = async () => {
    for (const trace of waiting) {
      const play = createPlay(trace, { client, ...(max_tokens !== undefined && { max_tokens }) })
      inboxes.enter(play)
      const result = await play.run()
      await inboxes.leave(play)
      rows.push(...result.rows)
      errors.push(...result.errors)
      done += 1
      show(done / traces.length, progressOf(done, traces.length, rows))
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, traces.length) }, lane))
  return { rows, errors }
}

/** One receiver per agent, from the first trace that needs it to the last; deliveries find their run by their task. */
function createInboxes(client: MemorySpine, concurrency: number, onFailure: (error: unknown) => void) {
  const plays = new Map<string, Play>()
  const open = new Map<string, { receiver: Receiver; users: number }>()
  // A run holds at most two deliveries of an agent at once: the one it hands on, and the answer that comes back.
  const options = { concurrency: concurrency * 2, max: concurrency * 2 }

  const start = (agent: string) => {
    const receiver = client.receive(
      agent,
      (received) => {
        const play = plays.get(received.envelope.task.id ?? '')
        if (!play) throw new Error('no run of this replay has this task')
        return play.handle(received)
      },
      options,
    )
    receiver.closed.catch(onFailure)
    return receiver
  }
  return {
    enter(play: Play) {
      plays.set(play.task_id, play)
      for (const agent of play.receivers) {
        const inbox = open.get(agent)
        if (inbox) inbox.users += 1
        else open.set(agent, { receiver: start(agent), users: 1 })
      }
    },
    async leave(play: Play) {
      const closing: Receiver[] = []
      for (const agent of play.receivers) {
        const inbox = open.get(agent)
        if (!inbox) continue
        inbox.users -= 1
        if (inbox.users > 0) continue
        open.delete(agent)
        closing.push(inbox.receiver)
      }
      await Promise.all(closing.map((receiver) => receiver.stop({ grace_ms: 5_000 }).catch(onFailure)))
      plays.delete(play.task_id)
    },
  }
}

const progressOf = (done: number, total: number, rows: readonly HandoffRow[]): string =>
  `replay: ${done}/${total} traces, ${rows.filter((row) => row.acknowledged).length}/${rows.length} handoffs acknowledged`
