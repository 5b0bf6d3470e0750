/** `memory-spine handoffs preview`: what would travel for other budgets and strategies, as a table that a person reads. */

import type { Strategy } from '../protocol/envelope.ts'
import type { Preview, PreviewVariant } from '../protocol/preview.ts'
import { countOf, UsageError } from './config.ts'
import type { Connection } from './connection.ts'
import { clip, type Output, table } from './output.ts'

export type PreviewFlags = {
  budgets?: string
  strategies?: string
  to?: string
  summary?: string
  task?: string
}

/** Budgets that are worth a look when nobody named any: shares of the one that is in force. */
const SHARES = [0.25, 0.5, 1, 2]
const SHOWN_MEMORIES = 30

const list = (text: string | undefined) =>
  text
    ?.split(',')
    .map((item) => item.trim())
    .filter(Boolean)

export async function previewHandoff(
  { client, options }: Connection,
  id: string | undefined,
  flags: PreviewFlags,
  output: Output,
): Promise<number> {
  const what = subject(id, flags)
  const strategies = list(flags.strategies) as Strategy[] | undefined
  const given = list(flags.budgets)?.map((budget) => countOf('--budgets', budget))
  const first = given ? undefined : await client.handoffs.preview(what, options)
  const budgets = given ?? SHARES.map((share) => Math.max(1, Math.round(share * (first?.budget.max_tokens ?? 4_000))))
  const answer = await client.handoffs.preview({ ...what, budgets, ...(strategies && { strategies }) }, options)
  const { max_tokens, strategy } = answer.budget
  const [next] = (
    await client.handoffs.preview({ ...what, budgets: [max_tokens], strategies: [strategy], steps: 2 }, options)
  ).variants

  output.say(headline(answer))
  output.say()
  output.say(variantTable(answer.variants))
  for (const line of smallestLines(answer.variants)) output.say(line)
  for (const { max_tokens: budget, problem } of answer.variants)
    if (problem) output.say(`${budget} tokens do not do: ${problem.detail}`)
  output.say()
  output.say(levelMap(answer))
  for (const step of next?.next_steps ?? [])
    output.say(`Next step up from ${max_tokens}: ${step.max_tokens} tokens ${changesOf(step.changes)}.`)
  for (const { id: ref, reason } of answer.gaps) output.say(`Missing: ${ref} (${reason})`)
  for (const warning of answer.warnings) output.say(`Warning: ${warning}`)
  output.say('Nothing was sealed, sent or stored.')
  output.answer({ ...answer, ...(next?.next_steps && { next_steps: next.next_steps }) })
  return 0
}

function subject(id: string | undefined, { to, summary, task }: PreviewFlags) {
  if (id !== undefined && (to || summary || task))
    throw new UsageError('Give an envelope, or a handoff with --to and --summary, not both.')
  if (id !== undefined) return { envelope_id: id }
  if (to && summary) return { handoff: { target_agent: to, task_summary: summary, ...(task && { task_id: task }) } }
  throw new UsageError('Say what: the id of an envelope, or a handoff with --to <agent> and --summary <text>.')
}

function headline({ envelope_id, source_agent, target_agent, budget, sealed, memories }: Preview): string {
  const way = `${clip(source_agent, 24)} -> ${clip(target_agent, 24)}`
  const was = sealed ? `sealed with ${sealed.token_count} of` : 'would be sealed with'
  return `${envelope_id ?? 'A new handoff'}: ${way}, ${was} ${budget.max_tokens} tokens (${budget.strategy}), ${memories.length} memories to choose from`
}

const percent = (share: number) => `${Math.round(share * 100)} %`

function variantTable(variants: readonly PreviewVariant[]): string {
  const rows = variants.map(({ strategy = '', max_tokens, fits, token_count, relevance, counts, facts }) =>
    fits
      ? [
          strategy,
          ...[max_tokens, token_count].map(String),
          percent(relevance),
          ...[counts.full, counts.excerpt, counts.ref, counts.receipt, facts].map(String),
        ]
      : [strategy, String(max_tokens), 'too small', '-', '-', '-', '-', '-', '-'],
  )
  return table(['strategy', 'budget', 'tokens', 'relevance', 'full', 'excerpt', 'ref', 'left out', 'facts'], rows)
}

function smallestLines(variants: readonly PreviewVariant[]): string[] {
  const known = new Map(variants.map(({ strategy, smallest }) => [strategy, smallest]))
  const said = [...known].flatMap(([strategy, smallest]) => (smallest ? [`${strategy} ${smallest}`] : []))
  return said.length > 0 ? [`Smallest possible: ${said.join(', ')} tokens.`] : []
}

/** What each memory becomes at each budget, of the first strategy. */
function levelMap({ memories, variants }: Preview): string {
  const shown = variants.filter(({ strategy, fits }) => fits && strategy === variants[0]?.strategy)
  const levelsOf = shown.map(({ levels }) => new Map(levels.map(({ id, level }) => [id, level])))
  const rows = memories
    .slice(0, SHOWN_MEMORIES)
    .map(({ id, title, opening, weight, explain }) => [
      clip(id, 16),
      clip(title ?? opening ?? '', 40),
      percent(weight),
      ...levelsOf.map((levels) => levels.get(id) ?? '-'),
      clip(explain?.join('; ') ?? '', 48),
    ])
  if (rows.length === 0) return 'There are no memories to choose from.'
  const more = memories.length > SHOWN_MEMORIES ? `\n... and ${memories.length - SHOWN_MEMORIES} more memories` : ''
  return `${table(['memory', 'what', 'weight', ...shown.map(({ max_tokens }) => String(max_tokens)), 'why'], rows)}${more}`
}

function changesOf(changes: readonly { id: string; from: string; to: string }[]): string {
  const said = changes.slice(0, 3).map(({ id, from, to }) => `${id} from ${from} to ${to}`)
  const more = changes.length > 3 ? ` and ${changes.length - 3} more` : ''
  return changes.length > 0 ? `bring ${said.join(', ')}${more}` : 'bring longer excerpts'
}
