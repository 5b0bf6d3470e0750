/**
 * The format of recorded multi-agent runs: one JSON document per line, a trace. It is checked line by line, because a
 * log that somebody else wrote is wrong somewhere, and "line 17: turns[3].agent is missing" is what they need to hear.
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { limits } from '../../protocol/limits.ts'
import { name } from '../../protocol/scalars.ts'

const turn = z.looseObject({
  i: z.int().nonnegative(),
  agent: name,
  role: z.enum(['agent', 'human', 'tool']),
  content: z.string(),
})
export type Turn = z.infer<typeof turn>

const recordedHandoff = z.looseObject({
  from_agent: name,
  to_agent: name,
  /** The first turn of the receiver; the sender knew the turns before it. */
  at_turn: z.int().nonnegative(),
  kind: z.string().optional(),
})

const trace = z
  .looseObject({
    id: z.string().min(1),
    task: z.string().min(1),
    constraints: z.array(z.string()).max(1_000).default([]),
    turns: z.array(turn),
    handoffs: z.array(recordedHandoff),
  })
  .superRefine(({ turns, handoffs }, check) => {
    turns.forEach(({ i }, index) => {
      if (i !== index)
        check.addIssue({
          code: 'custom',
          path: ['turns', index, 'i'],
          message: `is ${i}, but the turn stands at ${index}`,
        })
    })
    handoffs.forEach(({ at_turn }, index) => {
      const path = ['handoffs', index, 'at_turn']
      if (at_turn > turns.length)
        check.addIssue({ code: 'custom', path, message: `is ${at_turn}, but there are ${turns.length} turns` })
      if (at_turn < (handoffs[index - 1]?.at_turn ?? 0))
        check.addIssue({ code: 'custom', path, message: 'is before the handoff before it' })
    })
  })
export type Trace = z.infer<typeof trace>

/** The log is not in the format; nothing was played. */
export class LogError extends Error {
  override name = 'LogError'
}

const placeOf = (path: readonly PropertyKey[]) =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('')

const most_complaints = 5

/** Reads one line. Throws a LogError that says where in the line what is wrong. */
export function parseTrace(line: string, at: string): Trace {
  let document: unknown
  try {
    document = JSON.parse(line)
  } catch (error) {
    throw new LogError(`${at}: is not JSON (${(error as Error).message})`)
  }
  const parsed = trace.safeParse(document)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const shown = issues
    .slice(0, most_complaints)
    .map((issue) => `${at}: ${placeOf(issue.path) || 'the line'}: ${issue.message}`)
  throw new LogError(
    [...shown, ...(issues.length > most_complaints ? [`${at}: and ${issues.length - most_complaints} more`] : [])].join(
      '\n',
    ),
  )
}

/** Reads a whole log. Empty lines count as lines and are passed over. */
export async function readLog(file: string): Promise<Trace[]> {
  const traces: Trace[] = []
  const seen = new Map<string, number>()
  let number = 0
  for await (const line of createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number += 1
    if (line.trim() === '') continue
    const parsed = parseTrace(number === 1 ? line.replace(/^\uFEFF/, '') : line, `line ${number}`)
    const before = seen.get(parsed.id)
    if (before !== undefined)
      throw new LogError(`line ${number}: id: ${JSON.stringify(parsed.id)} was used on line ${before}`)
    seen.set(parsed.id, number)
    traces.push(parsed)
  }
  return traces
}

const longest_stem = 80

/** The id of a trace as part of ids of ours: what would not be allowed there is replaced, and a digest keeps it unique. */
export function idStem(id: string): string {
  if (id.length <= longest_stem && /^[\w.:@-]+$/.test(id)) return id
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 10)
  return `${id
    .normalize('NFKD')
    .replace(/[^\w.:@-]+/g, '-')
    .slice(0, longest_stem)}-${digest}`
}

/** What the door would refuse in a text is made visible. */
const cleanText = (text: string): string => text.toWellFormed().replaceAll('\0', '\u2400')

/** A text in pieces that each fit the limit of one string; no character is cut in two. Nothing for an empty text. */
export function piecesOf(text: string, most: number = limits.string_chars): string[] {
  const clean = cleanText(text)
  const pieces: string[] = []
  for (let from = 0; from < clean.length; ) {
    let end = Math.min(from + most, clean.length)
    if (end < clean.length && /[\uD800-\uDBFF]/.test(clean[end - 1] ?? '')) end -= 1
    pieces.push(clean.slice(from, end))
    from = end
  }
  return pieces.filter((piece) => piece.trim() !== '')
}

const cut_note = ' [cut: the log has more]'

/** A text that fits the limit of one string. */
export const fitText = (text: string): string => {
  const [first = '', second] = piecesOf(text, limits.string_chars - cut_note.length)
  return second === undefined ? first : first + cut_note
}
