/**
 * What an envelope shows at any price: intent, summary, constraints, expected output, open questions, unresolved
 * decisions. What is too long for its budget is sealed whole and shown as an excerpt, and the receipts say so.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { Draft, Shortened } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { prose, render, sectionsOf, stateLines } from '../protocol/render.ts'
import type { TaskState } from '../protocol/task.ts'
import { headAndTail } from './excerpt.ts'
import type { FactList } from './fit-facts.ts'

export type MustKeepCall = {
  draft: Draft
  facts: FactList
  count: CountTokens
  require_full_intent: boolean
}

/** What an intent above half of the budget is shown in. */
const INTENT_EXCERPT = 0.35
/** A long summary gives way until this much of the budget is free for facts, history and memories. */
const KEPT_FREE = 0.25
/** Of an excerpt, the share that lists the exact values of what it leaves out. */
const VALUES_OF_EXCERPT = 0.5

/** The draft with what had to be shortened. Throws BUDGET_TOO_SMALL naming each part with its tokens. */
export function fitMustKeep({ draft, facts, count, require_full_intent }: MustKeepCall): Draft {
  const { max_tokens } = draft.budget
  // What cannot be seen is written out, so that a text is shown in more tokens than it has.
  const shownTokens = (text: string) => count(prose(text))
  const intent_tokens = shownTokens(draft.task.intent)
  if (intent_tokens > max_tokens / 2 && require_full_intent) throw tooSmall(draft, count, { least: intent_tokens * 2 })

  let fitted = draft
  const used = () => count(render(fitted))
  const shorten = (part: 'intent' | 'summary', of_tokens: number, most: number) => {
    let excerpt = excerptWithValues(draft, { part, of_tokens, tokens: most }, facts, count)
    for (let tries = 0; tries < 3 && shownTokens(excerpt.text) > most; tries += 1) {
      const tokens = Math.floor((excerpt.tokens * most) / shownTokens(excerpt.text)) - 1
      excerpt = excerptWithValues(draft, { part, of_tokens, tokens }, facts, count)
    }
    const shorter = withShortened(fitted, excerpt)
    // Of a few words, an excerpt with its line about the rest takes more than the whole.
    if (count(render(shorter)) < used()) fitted = shorter
  }
  if (intent_tokens > max_tokens / 2) shorten('intent', intent_tokens, Math.floor(max_tokens * INTENT_EXCERPT))
  const summary_tokens = shownTokens(draft.task.summary)
  const least = Math.floor(max_tokens / 8)
  const room = Math.floor(max_tokens * (1 - KEPT_FREE)) - (used() - summary_tokens)
  if (room < summary_tokens && summary_tokens > least) shorten('summary', summary_tokens, Math.max(least, room))
  if (used() <= max_tokens) return fitted

  const state = stateLines(mustKeepState(draft.task.state))
  const hidden = stateLines(draft.task.state).length - state.length
  if (hidden > 0) {
    const text = [...state, `- ${hidden} more lines in the sealed envelope`].join('\n')
    const of_tokens = count(stateLines(draft.task.state).join('\n'))
    fitted = withShortened(fitted, { part: 'state', text, tokens: count(text), of_tokens })
    if (used() <= max_tokens) return fitted
  }
  if (summary_tokens > least) shorten('summary', summary_tokens, least)
  if (used() <= max_tokens) return fitted
  fitted = { ...fitted, receipts: { ...fitted.receipts, unlisted: true } }
  if (used() <= max_tokens) return fitted
  throw tooSmall(fitted, count)
}

/** Of the state, only what is open must be seen by the next agent. */
function mustKeepState({ decisions, open_questions }: TaskState): TaskState {
  const open = (decisions ?? []).filter((decision) => typeof decision !== 'string' && decision.status === 'open')
  return { ...(open.length ? { decisions: open } : {}), ...(open_questions ? { open_questions } : {}) }
}

type LongPart = { part: 'intent' | 'summary'; tokens: number; of_tokens: number }

/** Head and tail, then the exact values of what is between them, and a line that says how much is shown. */
function excerptWithValues(
  draft: Draft,
  { part, tokens, of_tokens }: LongPart,
  facts: FactList,
  count: CountTokens,
): Shortened {
  const text = draft.task[part]
  const said = `(shown: about ${tokens} of ${of_tokens} tokens; the whole ${part} is in envelope ${draft.id})`
  const room = Math.max(0, tokens - count(said) - 4)
  const between = headAndTail(text, Math.floor(room * (1 - VALUES_OF_EXCERPT)), count)
  const values = valuesLine(text, between, room - count(between) - 6, facts, count)
  const shown = [between, values, said].filter(Boolean).join('\n')
  return { part, text: shown, tokens: count(shown), of_tokens }
}

/** The exact values that the text has and what is shown of it does not, best first. */
function valuesLine(text: string, shown: string, room: number, facts: FactList, count: CountTokens): string {
  const values: string[] = []
  let left = room
  for (const value of facts.hidden(text, shown)) {
    if (left < 2) break
    const tokens = count(` ${value}`) + 1
    if (tokens > left) continue
    left -= tokens
    values.push(value)
  }
  return values.length ? `… exact values: ${values.join('; ')}` : ''
}

function withShortened(draft: Draft, entry: Shortened): Draft {
  const others = (draft.receipts.shortened ?? []).filter((known) => known.part !== entry.part)
  return { ...draft, receipts: { ...draft.receipts, shortened: [...others, entry] } }
}

/** `extra`: parts beside those of the draft. `least`: what a budget needs for another reason than their sum. */
export function tooSmall(
  draft: Draft,
  count: CountTokens,
  { extra = {}, least = 0 }: { extra?: Record<string, number>; least?: number } = {},
): SpineError {
  const sections = sectionsOf(draft).map(
    ({ heading, body }) => [heading.slice(3).toLowerCase(), count(`${heading}\n${body}\n\n`)] as const,
  )
  const parts = { ...Object.fromEntries(sections), ...extra }
  const sum = Object.values(parts).reduce((total, tokens) => total + tokens, 0)
  // Parts counted one by one can be a little less than the text they make.
  const total = Math.max(sum, least, count(render(draft)))
  const named = Object.entries(parts).map(([part, tokens]) => `${part} ${tokens}`)
  return new SpineError(
    'BUDGET_TOO_SMALL',
    `The budget is ${draft.budget.max_tokens} tokens, what must be kept needs about ${total}: ${named.join(', ')}.`,
    {
      max_tokens: draft.budget.max_tokens,
      needed_tokens: total,
      parts,
    },
  )
}
