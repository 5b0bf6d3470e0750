/** The rows of the staircase: each begins where the one above ended, on one axis of tokens. */

import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import type { Preview } from '../../../../spine/src/protocol/preview.ts'
import { number, plural } from '../../core/words.ts'
import type { Ink } from '../../pieces/glyphs.tsx'

export type Step = {
  key: string
  ink: Ink
  /** Of a memory. */
  id?: string
  title: string
  score?: string
  /** Tokens in the text; of the whole memory. */
  tokens: number
  full?: number
  why: string
  /** Where it begins. */
  at: number
}

export type Staircase = {
  parts: readonly Step[]
  memories: readonly Step[]
  /** What did not travel, at the width it would have had. */
  trimmed: readonly Step[]
  /** More that is counted, not listed. */
  more: number
  used: number
  budget: number
  /** Where the axis ends. */
  end: number
  /** The sums of the last row, in the order of the rows. */
  sums: readonly { ink: Ink; tokens: number }[]
}

const partWords: Readonly<Record<string, string>> = {
  task: 'intent',
  'do next': 'summary',
  state: 'state, decisions, questions',
}

/** What a section of the text holds. */
function whyOf(part: string, envelope: Envelope): string {
  const {
    task,
    constraints,
    constraint_ledger,
    execution_history,
    expected_output,
    facts,
    chain,
    receipts,
    completeness,
  } = envelope
  const { decisions = [], open_questions = [] } = task.state
  const waived = Object.values(constraint_ledger).filter(({ waiver }) => waiver).length
  const short = receipts.shortened?.find((entry) => partWords[part] === entry.part || entry.part === part)
  if (short) return `excerpt, ${number(short.of_tokens - short.tokens)} more are sealed`
  switch (part) {
    case 'task':
      return chain.hop === 1 ? "the user's words" : 'verbatim since hop 1'
    case 'do next':
      return 'what to do next'
    case 'constraints':
      return `${Object.keys(constraints).length} in force${waived > 0 ? `, ${waived} waived` : ''}`
    case 'state':
      return [plural(decisions.length, 'decision'), plural(open_questions.length, 'question')].join(', ')
    case 'expected output':
      return plural(expected_output?.criteria?.length ?? 0, 'criterion', 'criteria')
    case 'facts':
      return plural(facts.length, 'exact value')
    case 'history':
      return plural(execution_history.length, 'entry', 'entries')
    default:
      return plural(completeness.gaps.length, 'gap')
  }
}

type Known = Preview['memories'][number]

function whyLevel(ink: Ink, tokens: number, full: number, memory: Known | undefined): string {
  if (ink === 'full') {
    if (memory?.pinned) return memory.priority === 'normal' ? 'pinned' : `pinned, ${memory.priority}`
    return memory?.requested ? 'asked for by name' : memory?.explain?.slice(0, 2).join(', ') || 'worth its tokens'
  }
  const more = Math.max(0, full - tokens)
  return `full needs ${number(more)} more`
}

/** Undefined until what was sealed has been read. */
export function staircaseOf(envelope: Envelope, preview: Preview): Staircase | undefined {
  const { sealed } = preview
  if (!sealed) return undefined
  const known = new Map(preview.memories.map((memory) => [memory.id, memory]))
  let at = 0
  const step = (made: Omit<Step, 'at'>): Step => {
    const placed = { ...made, at }
    at += made.tokens
    return placed
  }
  const own = sealed.parts.filter(({ part }) => part !== 'memories')
  const lines = sealed.levels.reduce((sum, { tokens }) => sum + tokens, 0)
  // What belongs to no line: headings, fences, and the joints between sections.
  const frame = envelope.token_count - lines - own.reduce((sum, { tokens }) => sum + tokens, 0)
  const parts = [
    ...own.map(({ part, tokens }) =>
      step({ key: part, ink: 'part', title: partWords[part] ?? part, tokens, why: whyOf(part, envelope) }),
    ),
    ...(frame > 0
      ? [step({ key: 'frame', ink: 'part', title: 'headings and fences', tokens: frame, why: 'the markdown itself' })]
      : []),
  ]
  const memories = sealed.levels.map(({ id, level, tokens }) => {
    const memory = known.get(id)
    const carried = envelope.memories.find((one) => one.id === id)
    const full = memory?.tokens ?? carried?.tokens ?? tokens
    return step({
      key: id,
      ink: level,
      id,
      title: carried?.title ?? memory?.title ?? '',
      ...((memory || carried?.pinned) && { score: carried?.pinned ? 'pin' : (memory?.score ?? 0).toFixed(2) }),
      tokens,
      full,
      why: whyLevel(level, tokens, full, memory),
    })
  })
  const trimmed = envelope.receipts.trimmed
    .filter(({ level }) => level === 'receipt')
    .map(({ id, tokens, score, reason }) => ({
      key: id,
      ink: 'receipt' as const,
      id,
      title: known.get(id)?.title ?? '',
      score: score.toFixed(2),
      tokens: 0,
      full: tokens,
      why: reason,
      at,
    }))
  const inks = ['part', 'full', 'excerpt', 'ref'] as const
  const all = [...parts, ...memories]
  return {
    parts,
    memories,
    trimmed,
    more: envelope.receipts.omitted_count,
    used: envelope.token_count,
    budget: envelope.budget.max_tokens,
    end: envelope.budget.max_tokens * 1.25,
    sums: inks
      .map((ink) => ({
        ink,
        tokens: all.filter((one) => one.ink === ink).reduce((sum, { tokens }) => sum + tokens, 0),
      }))
      .filter(({ tokens }) => tokens > 0),
  }
}
