/** `memory-spine handoffs`: look at what was handed over. */

import type { Delivery } from '../protocol/delivery.ts'
import type { Handoff, HandoffStatus } from '../protocol/handoff.ts'
import { render } from '../protocol/render.ts'
import { currentOf } from '../protocol/versions.ts'
import type { Connection } from './connection.ts'
import { clip, type Output, table } from './output.ts'

const percent = (share: number) => `${Math.round(share * 100)} %`
const wayOf = ({ source_agent, target_agent }: { source_agent: string; target_agent: string }) =>
  `${clip(source_agent, 18)} -> ${clip(target_agent, 18)}`

export type HandoffFilter = { task?: string; root?: string; from?: string; to?: string; limit?: string; after?: string }

export async function listHandoffs(
  { client, options }: Connection,
  filter: HandoffFilter,
  output: Output,
): Promise<number> {
  const { task, root, from, to, limit, after } = filter
  const page = await client.handoffs.list(
    {
      ...(task && { task_id: task }),
      ...(root && { root_id: root }),
      ...(from && { source_agent: from }),
      ...(to && { target_agent: to }),
      ...(limit && { limit: Number(limit) }),
      ...(after && { after }),
    },
    options,
  )
  const handoffs = page.handoffs as Handoff[]
  const rows = handoffs.map((one) => [
    one.envelope_id,
    String(one.hop),
    wayOf(one),
    `${one.token_count}/${one.max_tokens}`,
    percent(one.completeness),
  ])
  output.say(
    handoffs.length > 0 ? table(['envelope', 'hop', 'from -> to', 'tokens', 'complete'], rows) : 'No handoffs.',
  )
  if (page.next) output.say(`More: --after ${page.next}`)
  output.answer(page)
  return 0
}

/** The envelope as its receiver reads it; with --json the sealed document. */
export async function getHandoff({ client, options }: Connection, id: string, output: Output): Promise<number> {
  const sealed = await client.handoffs.get({ id }, options)
  const envelope = currentOf(sealed)
  output.say(
    `${envelope.id}: ${wayOf(envelope)}, hop ${envelope.chain.hop}, ${envelope.token_count}/${envelope.budget.max_tokens} tokens, ${envelope.created_at}`,
  )
  output.say()
  output.say(render(envelope).trimEnd())
  output.answer(sealed)
  return 0
}

export async function handoffStatus({ client, options }: Connection, id: string, output: Output): Promise<number> {
  const status: HandoffStatus = await client.handoffs.status({ id }, options)
  output.say(
    `${status.envelope_id}: ${wayOf(status)}, hop ${status.hop}, ${status.token_count}/${status.max_tokens} tokens, ${percent(status.completeness)} complete`,
  )
  const row = (one: Delivery) => [
    one.id,
    clip(one.target, 20),
    one.state,
    String(one.attempts),
    clip(one.reason ?? '', 40),
  ]
  output.say(
    status.deliveries.length > 0
      ? table(['delivery', 'to', 'state', 'attempts', 'reason'], status.deliveries.map(row))
      : 'It was not sent to anybody.',
  )
  output.answer(status)
  return 0
}

export async function handoffLineage({ client, options }: Connection, id: string, output: Output): Promise<number> {
  const lineage = await client.handoffs.lineage({ id }, options)
  const rows = lineage.envelopes
    .map(currentOf)
    .map((one) => [String(one.chain.hop), wayOf(one), `${one.token_count}/${one.budget.max_tokens}`, one.id])
  output.say(table(['hop', 'from -> to', 'tokens', 'envelope'], rows))
  output.answer(lineage)
  return 0
}
