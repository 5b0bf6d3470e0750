/**
 * What an envelope shows at any price: intent, summary, constraints, expected output, open questions, unresolved
 * decisions. What is too long for its budget is sealed whole and shown as an excerpt, and the receipts say so.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { Draft, Shortened } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { render, sectionsOf, stateLines } from '../protocol/render.ts'
import type { TaskState } from '../protocol/task.ts'
import { headAndTail } from './excerpt.ts'

export type MustKeepCall = { draft: Draft; count: CountTokens; require_full_intent: boolean }

/** The draft with what had to be shortened. Throws BUDGET_TOO_SMALL naming each part with its tokens. */
export function fitMustKeep({ draft, count, require_full_intent }: MustKeepCall): Draft {
  const { max_tokens } = draft.budget
  const intent_tokens = count(draft.task.intent)
  if (intent_tokens > max_tokens / 2 && require_full_intent) throw tooSmall(draft, count)

  let fitted = draft
  const fits = () => count(render(fitted)) <= max_tokens
  if (intent_tokens > max_tokens / 2)
    fitted = shorten(
      fitted,
      { part: 'intent', text: draft.task.intent, of_tokens: intent_tokens, tokens: Math.floor(max_tokens / 2) },
      count,
    )
  if (fits()) return fitted

  const state = stateLines(mustKeepState(draft.task.state))
  const hidden = stateLines(draft.task.state).length - state.length
  if (hidden > 0) {
    const text = [...state, `- ${hidden} more lines in the sealed envelope`].join('\n')
    const of_tokens = count(stateLines(draft.task.state).join('\n'))
    fitted = withShortened(fitted, { part: 'state', text, tokens: count(text), of_tokens })
    if (fits()) return fitted
  }

  const summary_tokens = count(draft.task.summary)
  const room = max_tokens - (count(render(fitted)) - summary_tokens)
  const tokens = Math.max(Math.floor(max_tokens / 8), Math.min(room, summary_tokens))
  if (summary_tokens > tokens) {
    fitted = shorten(fitted, { part: 'summary', text: draft.task.summary, of_tokens: summary_tokens, tokens }, count)
    if (fits()) return fitted
    fitted = shorten(
      fitted,
      { part: 'summary', text: draft.task.summary, of_tokens: summary_tokens, tokens: Math.floor(max_tokens / 8) },
      count,
    )
    if (fits()) return fitted
  }
  throw tooSmall(draft, count)
}

/** Of the state, only what is open must be seen by the next agent. */
function mustKeepState({ decisions, open_questions }: TaskState): TaskState {
  const open = (decisions ?? []).filter((decision) => typeof decision !== 'string' && decision.status === 'open')
  return { ...(open.length ? { decisions: open } : {}), ...(open_questions ? { open_questions } : {}) }
}

function shorten(draft: Draft, { part, text, of_tokens, tokens }: Shortened, count: CountTokens): Draft {
  const where = `the whole ${part} is in envelope ${draft.id}`
  const said = `(shown: about ${tokens} of ${of_tokens} tokens; ${where})`
  const room = Math.max(0, tokens - count(said) - 4)
  const shown = `${headAndTail(text, room, count)}\n${said}`
  return withShortened(draft, { part, text: shown, tokens: count(shown), of_tokens })
}

function withShortened(draft: Draft, entry: Shortened): Draft {
  const others = (draft.receipts.shortened ?? []).filter((known) => known.part !== entry.part)
  return { ...draft, receipts: { ...draft.receipts, shortened: [...others, entry] } }
}

export function tooSmall(draft: Draft, count: CountTokens, extra: Record<string, number> = {}): SpineError {
  const sections = sectionsOf(draft).map(
    ({ heading, body }) => [heading.slice(3).toLowerCase(), count(`${heading}\n${body}\n\n`)] as const,
  )
  const parts = { ...Object.fromEntries(sections), ...extra }
  const total = Object.values(parts).reduce((sum, tokens) => sum + tokens, 0)
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
