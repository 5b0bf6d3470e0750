/**
 * The text an agent reads, made from the envelope alone. Text that agents and tools wrote is data: it stands inside a
 * fence that it cannot close, behind a label in the first column that it cannot imitate, and characters that cannot be
 * seen are shown. Nothing that depends on the text itself (token_count, used, digest, signature) is ever printed.
 */

import type { CountTokens } from './agent.ts'
import type { CompactedEntry, Draft, EnvelopeMemory, Fact, HistoryEntry, Shortened, Trimmed } from './envelope.ts'
import { isCompacted } from './envelope.ts'
import { SpineError } from './errors.ts'
import type { ExpectedOutput, TaskState } from './task.ts'
import { visibleText } from './visible.ts'

export type RenderOptions = {
  format?: 'markdown' | 'json'
  /** Refuse a text above this; needs `count`. */
  max_tokens?: number
  count?: CountTokens
}

const oneLine = (text: string) => visibleText(text).replace(/\s*\n\s*/g, ' ')

/** A text outside a fence, as it is shown: nothing invisible, and no heading that looks like one of ours. */
export const prose = (text: string) => visibleText(text).replace(/^( {0,3})(#{1,2})(?=[ \t]|$)/gm, '$1\\$2')

/** Text inside a fence: only labels stand in the first column. */
const indented = (text: string) => visibleText(text).replaceAll('\n', '\n ')

/** The lines between two fences, each with its end. */
function fenced(lines: readonly string[]): string[] {
  let longest = 2
  for (const line of lines)
    if (line.includes('`')) for (const [run] of line.matchAll(/`+/g)) longest = Math.max(longest, run.length)
  const fence = '`'.repeat(longest + 1)
  return [`${fence}\n`, ...lines, fence]
}

const ended = (line: string) => `${line}\n`

const printed = (value: unknown) => oneLine(typeof value === 'string' ? value : JSON.stringify(value))

const constraintLine = (envelope: Draft, key: string) => {
  const entry = Object.hasOwn(envelope.constraint_ledger, key) ? envelope.constraint_ledger[key] : undefined
  return `- ${oneLine(key)}: ${printed(envelope.constraints[key])}${entry?.locked ? ' (locked)' : ''}`
}

const waivedLines = (envelope: Draft) =>
  Object.entries(envelope.constraint_ledger)
    .filter(([key, entry]) => entry.waiver && !Object.hasOwn(envelope.constraints, key))
    .map(([key, entry]) => `- ${oneLine(key)}: waived by ${entry.waiver?.by}: ${printed(entry.waiver?.reason ?? '')}`)

/** The lines of `## State`. */
export function stateLines(state: TaskState): string[] {
  const lines: string[] = []
  if (state.progress) lines.push(`- progress: ${oneLine(state.progress)}`)
  for (const decision of state.decisions ?? []) {
    if (typeof decision === 'string') lines.push(`- decided: ${oneLine(decision)}`)
    else {
      const why = decision.reason ? `, because ${oneLine(decision.reason)}` : ''
      const not = decision.rejected?.length ? `; rejected: ${decision.rejected.map(oneLine).join('; ')}` : ''
      lines.push(`- ${decision.status === 'open' ? 'to decide' : 'decided'}: ${oneLine(decision.decision)}${why}${not}`)
    }
  }
  for (const item of state.remaining ?? []) lines.push(`- remaining: ${oneLine(item)}`)
  for (const question of state.open_questions ?? []) lines.push(`- open question: ${oneLine(question)}`)
  const { progress: _p, decisions: _d, remaining: _r, open_questions: _o, ...others } = state
  for (const [key, value] of Object.entries(others)) lines.push(`- ${oneLine(key)}: ${printed(value)}`)
  return lines
}

function expectedLines({ format, length, schema, criteria, ...others }: ExpectedOutput): string[] {
  const lines = Object.entries({ format, length, schema, ...others })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `- ${oneLine(key)}: ${printed(value)}`)
  return [...lines, ...(criteria ?? []).map((criterion) => `- must: ${oneLine(criterion)}`)]
}

const FACT_END = '; '

const factText = ({ value }: Fact) => (value.includes(';') ? JSON.stringify(oneLine(value)) : oneLine(value))

/**
 * The lines of `## Facts`: the values of one text behind its name, `ms-12 (tool): port 8788; a/b.ts`. Whose words they
 * are is said where they are not an agent's. Values of one key stand together behind it.
 */
export function factLines(facts: readonly Fact[]): string[] {
  const lines: string[] = []
  for (const [index, fact] of facts.entries()) {
    const before = facts[index - 1]
    const whose = fact.trust === undefined || fact.trust === 'agent' ? '' : ` (${fact.trust})`
    const same = before?.from === fact.from && before.trust === fact.trust
    const key = typeof fact.key === 'string' ? `${oneLine(fact.key)} ` : ''
    if (!same) lines.push(`${oneLine(fact.from)}${whose}: ${key}${factText(fact)}`)
    else if (key && before.key === fact.key) lines[lines.length - 1] += `, ${factText(fact)}`
    else lines[lines.length - 1] += `${FACT_END}${key}${factText(fact)}`
  }
  return lines
}

/** One entry of `## History`. */
export function historyLine(entry: HistoryEntry | CompactedEntry): string {
  if (isCompacted(entry))
    return `${entry.compacted} earlier entries (hop ${entry.from_hop} to ${entry.to_hop}) in ${entry.envelope_id}`
  const rejected = [entry.rejected ?? []].flat().map((option) => indented(option))
  return [
    `${oneLine(entry.agent)}: ${entry.shortened ? '…' : indented(entry.action)}`,
    entry.decision && `decided ${indented(entry.decision)}`,
    entry.reason && `because ${indented(entry.reason)}`,
    rejected.length && `rejected ${rejected.join('; ')}`,
    typeof entry.output === 'string' && `output ${indented(entry.output)}`,
    entry.memory_id && `see ${entry.memory_id}`,
  ]
    .filter(Boolean)
    .join(' | ')
}

/**
 * One memory of `## Memories`: a label in the first column, the text indented behind it. What is usual goes unsaid in
 * the label: the first version, a note or a message, the words of an agent, the whole text.
 */
export function memoryLine(memory: EnvelopeMemory): string {
  const { kind, trust, level } = memory
  const source = [
    memory.version === 1 ? '' : `v${memory.version}`,
    kind === 'note' || kind === 'message' ? '' : kind,
    memory.author,
    trust === 'agent' || trust === memory.author ? '' : trust,
    memory.created_at?.slice(0, 10),
  ].filter(Boolean)
  const how = [memory.pinned && 'pinned', level === 'excerpt' && level, level === 'ref' && `${memory.tokens} tokens`]
  const label = [memory.id, source.join(', '), ...how].filter(Boolean).join('; ')
  const title = memory.title ? ` ${oneLine(memory.title)}${memory.content === undefined ? '' : ':'}` : ''
  const body = memory.content === undefined ? title : `${title} ${indented(memory.content)}`
  return oneLine(`[${label}]`) + body
}

const knownParts = new WeakMap<EnvelopeMemory, string>()

/** Its line with its end. Of what cannot change it is the same string every time, which costs nothing to look up. */
export function memoryPart(memory: EnvelopeMemory): string {
  const known = knownParts.get(memory)
  if (known !== undefined) return known
  const part = ended(memoryLine(memory))
  if (Object.isFrozen(memory)) knownParts.set(memory, part)
  return part
}

/** References without a title say nothing but their id: one line names them all. */
const isBare = ({ content, title, pinned }: EnvelopeMemory) => content === undefined && !title && !pinned

function memoryParts(memories: readonly EnvelopeMemory[]): string[] {
  const bare = memories.filter(isBare).map(({ id }) => oneLine(id))
  const parts = memories.filter((memory) => !isBare(memory)).map(memoryPart)
  return bare.length === 0 ? parts : [...parts, ended(`[read by id] ${inRanges(bare).join(', ')}`)]
}

/** What a reference adds to the text at most: a line of its own, or its id in the line of the others. */
export const referenceText = (memory: EnvelopeMemory): string =>
  isBare(memory) ? `, ${memory.id}` : memoryLine(memory)

const numbered = /^(.*?)(0|[1-9]\d{0,8})$/su

/** Ids in their order, neighbours by number as "ms-4 to ms-9". */
function inRanges(ids: readonly string[]): string[] {
  const parts = ids.map((id) => ({ id, prefix: numbered.exec(id)?.[1] ?? id, number: Number(numbered.exec(id)?.[2]) }))
  const sorted = parts.toSorted((left, right) =>
    left.prefix === right.prefix ? left.number - right.number : left.prefix < right.prefix ? -1 : 1,
  )
  const runs: (typeof sorted)[] = []
  for (const part of sorted) {
    const last = runs.at(-1)?.at(-1)
    if (last?.prefix === part.prefix && last.number + 1 === part.number) runs.at(-1)?.push(part)
    else runs.push([part])
  }
  return runs.flatMap((run) => (run.length > 2 ? [`${run[0]?.id} to ${run.at(-1)?.id}`] : run.map(({ id }) => id)))
}

/** One receipt for so many tokens of budget is listed, the others are counted. */
const TOKENS_PER_RECEIPT = 400
/** And of gaps, which are graver. */
const TOKENS_PER_GAP = 80
const SHOWN_RECEIPTS = 10

function leftOutLines({ budget, receipts, completeness }: Draft): string[] {
  if (receipts.unlisted) return []
  const listed = completeness.gaps.slice(0, Math.max(1, Math.floor(budget.max_tokens / TOKENS_PER_GAP)))
  const gaps = listed.map((gap) => `- ${oneLine(gap.id)}: missing (${oneLine(gap.reason)})`)
  const unlisted = completeness.gaps.length - listed.length
  if (unlisted > 0) gaps.push(`- ${unlisted} more are missing`)
  const left = receipts.trimmed.filter((receipt) => receipt.level === 'receipt')
  const shown = left.slice(0, Math.min(SHOWN_RECEIPTS, Math.floor(budget.max_tokens / TOKENS_PER_RECEIPT)))
  const reasons = Map.groupBy(shown, ({ reason }) => oneLine(reason))
  const lines = [...reasons].map(([reason, of]) => `- ${reason}: ${of.map(receiptText).join(', ')}`)
  const rest = left.length - shown.length + receipts.omitted_count
  return [...gaps, ...lines, ...(rest > 0 ? [`- ${rest}${shown.length ? ' more' : ' memories did not fit'}`] : [])]
}

const receiptText = ({ id, tokens }: Trimmed) => `${oneLine(id)} (${tokens} tokens)`

export type Section = { heading: string; body: string }

/** The sections in their order, empty ones left out. */
export const sectionsOf = (envelope: Draft): Section[] =>
  sectionParts(envelope).map(({ heading, parts }) => ({ heading, body: parts.join('') }))

function sectionParts(envelope: Draft): { heading: string; parts: string[] }[] {
  const { task, constraints, expected_output, facts, execution_history, memories } = envelope
  const excerpt = (part: Shortened['part']) => envelope.receipts.shortened?.find((entry) => entry.part === part)?.text
  const shown = (part: 'intent' | 'summary') => excerpt(part) ?? task[part]
  const amendments = task.amendments.map(
    (amendment) => `Amended by ${oneLine(amendment.by ?? 'user')}: ${prose(amendment.text)}`,
  )
  const intent = task.intent_from === 'summary' && task.intent === task.summary ? '' : prose(shown('intent'))
  const plain = (heading: string, body: string) => ({ heading, parts: body === '' ? [] : [body] })
  const list = (heading: string, lines: readonly string[]) => plain(heading, lines.join('\n'))
  const inFence = (heading: string, parts: readonly string[]) => ({
    heading,
    parts: parts.length > 0 ? fenced(parts) : [],
  })
  const sections = [
    list('## Task', [intent, ...amendments].filter(Boolean)),
    plain('## Do next', prose(shown('summary'))),
    list('## Constraints', [
      ...Object.keys(constraints).map((key) => constraintLine(envelope, key)),
      ...waivedLines(envelope),
    ]),
    plain('## State', excerpt('state') ?? stateLines(task.state).join('\n')),
    list('## Expected output', expected_output ? expectedLines(expected_output) : []),
    inFence('## Facts', factLines(facts).map(ended)),
    inFence(
      '## History',
      execution_history.map((entry) => ended(historyLine(entry))),
    ),
    inFence('## Memories', memoryParts(memories)),
    list('## Left out', leftOutLines(envelope)),
  ]
  return sections.filter(({ parts }) => parts.length > 0)
}

/** The text in parts of whole lines: what the same memory takes is the same part in every text. */
export function renderedParts(envelope: Draft): string[] {
  return sectionParts(envelope).flatMap(({ heading, parts }, at) => [
    at === 0 ? ended(heading) : `\n${ended(heading)}`,
    ...parts.slice(0, -1),
    ended(parts.at(-1) ?? ''),
  ])
}

function renderJson(envelope: Draft): string {
  const { task, constraints, expected_output, facts, execution_history, memories, receipts, completeness } = envelope
  return JSON.stringify({
    task: task.intent,
    amendments: task.amendments,
    do_next: task.summary,
    constraints,
    state: task.state,
    expected_output,
    facts,
    history: execution_history,
    memories,
    left_out: { gaps: completeness.gaps, trimmed: receipts.trimmed, omitted_count: receipts.omitted_count },
  })
}

/** The text for the receiver. Throws BUDGET_TOO_SMALL when `max_tokens` is given and the text passes it. */
export function render(envelope: Draft, { format = 'markdown', max_tokens, count }: RenderOptions = {}): string {
  const rendered = format === 'json' ? renderJson(envelope) : renderedParts(envelope).join('')
  if (max_tokens !== undefined) {
    if (!count)
      throw new SpineError('INVALID_INPUT', 'render: `max_tokens` needs `count`, the tokenizer to count with.')
    const tokens = count(rendered)
    if (tokens > max_tokens)
      throw new SpineError(
        'BUDGET_TOO_SMALL',
        `The rendered ${format} has ${tokens} tokens, allowed are ${max_tokens}.`,
        { tokens, max_tokens },
      )
  }
  return rendered
}
