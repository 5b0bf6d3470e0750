/** `memory-spine parked`: the dead-letter box, for the person who looks at it. */

import type { Delivery } from '../protocol/delivery.ts'
import { type ErrorCode, errorTable } from '../protocol/errors.ts'
import { UsageError } from './config.ts'
import type { Connection } from './connection.ts'
import { clip, type Output, table } from './output.ts'

const PAGE = 1_000

export async function listParked(
  { client, options }: Connection,
  { target, limit, after }: { target?: string; limit?: string; after?: string },
  output: Output,
): Promise<number> {
  const page = await client.spine.parked.list(
    { ...(target && { target }), ...(limit && { limit: Number(limit) }), ...(after && { after }) },
    options,
  )
  const deliveries = page.deliveries as Delivery[]
  const rows = deliveries.map((one) => [
    one.id,
    `${clip(one.source_agent, 18)} -> ${clip(one.target, 18)}`,
    String(one.attempts),
    clip(one.question ? `asks: ${one.question}` : (one.reason ?? ''), 60),
  ])
  output.say(rows.length > 0 ? table(['delivery', 'from -> to', 'attempts', 'why'], rows) : 'Nothing is parked.')
  if (page.next) output.say(`More: --after ${page.next}`)
  output.answer(page)
  return 0
}

/** Everything that happened to one of them. */
export async function showParked({ client, options }: Connection, id: string, output: Output): Promise<number> {
  const one = await client.spine.parked.get({ id }, options)
  output.say(`${one.id}: ${one.source_agent} -> ${one.target}, envelope ${one.envelope_id}`)
  output.say(`parked because: ${one.reason ?? 'nobody said'}`)
  if (one.question) output.say(`it asks: ${one.question}`)
  output.say()
  output.say(
    table(
      ['at', 'event', 'lease', 'reason'],
      one.history.map(({ at, event, epoch, reason }) => [at, event, String(epoch ?? ''), clip(reason ?? '', 80)]),
    ),
  )
  output.say()
  output.say(`memory-spine parked redrive ${one.id}    # back into the queue, with fresh counts`)
  output.say(`memory-spine parked discard ${one.id} --reason "..."`)
  output.answer(one)
  return 0
}

/** The ids given, or with `--all` every one that is parked, for one target if it is named. */
async function* batches(
  { client, options }: Connection,
  ids: readonly string[],
  { all, target }: { all?: boolean; target?: string },
): AsyncGenerator<string[]> {
  if (all === true && ids.length > 0) throw new UsageError('Give ids or --all, not both.')
  if (all !== true && ids.length === 0) throw new UsageError('Give the ids of parked deliveries, or --all.')
  if (all !== true) return yield [...ids]
  for (let after: string | undefined; ; ) {
    const page = await client.spine.parked.list(
      { limit: PAGE, ...(target && { target }), ...(after && { after }) },
      options,
    )
    if (page.deliveries.length > 0) yield page.deliveries.map(({ id }) => id)
    if (!page.next) return
    after = page.next
  }
}

type Results = Awaited<ReturnType<Connection['client']['spine']['parked']['redrive']>>['results']

function sayResults(results: Results, done: string, output: Output): number {
  const failed = results.filter(({ error }) => error)
  output.say(`${results.length - failed.length} ${done}.`)
  for (const { id, error } of failed) output.say(`${id}: ${error?.detail} (${error?.code})`)
  // Once for each code: with --all there may be a thousand of one.
  for (const code of new Set(failed.flatMap(({ error }) => error?.code ?? [])))
    output.say(`${code}: ${errorTable[code as ErrorCode].next}`)
  output.answer({ results })
  return failed.length === 0 ? 0 : 1
}

type Chosen = { all?: boolean; target?: string }

export async function redriveParked(
  connection: Connection,
  ids: readonly string[],
  flags: Chosen & { deadline?: string; extraHops?: string; letCircle?: boolean },
  output: Output,
): Promise<number> {
  const { deadline, extraHops, letCircle } = flags
  const again = {
    ...(deadline && { deadline }),
    ...(extraHops && { extra_hops: Number(extraHops) }),
    ...(letCircle && { cycle: 'warn' as const }),
  }
  const results: Results = []
  for await (const batch of batches(connection, ids, flags))
    results.push(
      ...(await connection.client.spine.parked.redrive({ ids: batch, ...again }, connection.options)).results,
    )
  return sayResults(results, 'put back into the queue', output)
}

export async function discardParked(
  connection: Connection,
  ids: readonly string[],
  flags: Chosen & { reason: string },
  output: Output,
): Promise<number> {
  const { reason } = flags
  const results: Results = []
  for await (const batch of batches(connection, ids, flags))
    results.push(...(await connection.client.spine.parked.discard({ ids: batch, reason }, connection.options)).results)
  return sayResults(results, 'discarded', output)
}
