/** What the researcher measures in source files: each measure has a limit, and an observation says how far it is passed. */

import { functionsOf, maskCode } from './code.ts'
import type { SourceFile } from './sources.ts'

export const measureNames = [
  'Long function',
  'Deep nesting',
  'Large file',
  'Repeated block',
  'Unexplained exports',
  'Left for later',
  'Long line',
] as const
export type MeasureName = (typeof measureNames)[number]

export type Observation = {
  measure: MeasureName
  /** What was found, in words without a full stop. */
  what: string
  /** Value over limit: above 1, and the greater the worse. One decimal, so that it reads the same everywhere. */
  times: number
  limit: number
  path: string
  /** Counts from 1. */
  line: number
  /** How that line begins, so that a reader can see that it is the right one. */
  quote: string
}

const limits: Readonly<Record<MeasureName, number>> = Object.freeze({
  'Long function': 40,
  'Deep nesting': 3,
  'Large file': 200,
  'Repeated block': 6,
  'Unexplained exports': 3,
  'Left for later': 1,
  'Long line': 120,
})

type Found = { measure: MeasureName; what: string; value: number; path: string; line: number }

/** Everything over its limit, the worst first. */
export function measure(files: readonly SourceFile[]): Observation[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const found = [...files.flatMap(measureFile), ...repeatedBlocks(files)]
  return found
    .flatMap(({ measure, what, value, path, line }) => {
      const limit = limits[measure]
      const times = Math.round((value / limit) * 10) / 10
      const place = placeFrom(byPath.get(path)?.lines ?? [], line)
      return times > 1 && place ? [{ measure, what, times, limit, path, ...place }] : []
    })
    .sort(worstFirst)
}

export const worstFirst = (a: Observation, b: Observation): number =>
  b.times - a.times || compare(a.path, b.path) || a.line - b.line || compare(a.measure, b.measure)

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** The first line from there on that says something, which the opening of a comment does not. */
function placeFrom(lines: readonly string[], from: number): Pick<Observation, 'line' | 'quote'> | undefined {
  const index = lines.findIndex((line, at) => at >= from - 1 && /\p{L}{2}/u.test(quoteOf(line)))
  return index < 0 ? undefined : { line: index + 1, quote: quoteOf(lines[index] ?? '') }
}

const longest_quote = 60

/** Whole words, without a backtick, which would end the quotation, and without the end of a sentence. */
function quoteOf(line: string): string {
  const words = line.trim().split(/`|(?<=[.!?])\s/)[0] ?? ''
  return (words.length > longest_quote ? words.slice(0, longest_quote + 1).replace(/\s+\S*$/, '') : words).trim()
}

function measureFile({ path, lines }: SourceFile): Found[] {
  const masked = maskCode(lines.join('\n')).split('\n')
  const at = (measure: MeasureName, line: number, value: number, what: string): Found => ({
    measure,
    what,
    value,
    path,
    line,
  })
  const found: Found[] = []
  const length = lines.at(-1) === '' ? lines.length - 1 : lines.length
  found.push(at('Large file', 1, length, `${fileName(path)} has ${length} lines`))
  for (const span of functionsOf(masked)) {
    found.push(at('Long function', span.line, span.lines, `${span.name} has ${span.lines} lines`))
    found.push(at('Deep nesting', span.line, span.depth, `${span.name} nests ${span.depth} deep`))
  }
  const longest = lines.reduce((best, line, index) => (line.length > (lines[best]?.length ?? 0) ? index : best), 0)
  const width = lines[longest]?.length ?? 0
  found.push(at('Long line', longest + 1, width, `the longest line has ${width} characters`))
  const unexplained = lines.flatMap((line, index) => (isUnexplainedExport(lines, line, index) ? [index + 1] : []))
  if (unexplained[0])
    found.push(
      at(
        'Unexplained exports',
        unexplained[0],
        unexplained.length,
        `${unexplained.length} exported functions have no comment`,
      ),
    )
  const markers = lines.flatMap((line, index) => (isMarker(line, masked[index] ?? '') ? [index + 1] : []))
  if (markers[0])
    found.push(at('Left for later', markers[0], markers.length + 1, `${markers.length} comments put work off`))
  return found
}

const fileName = (path: string) => path.slice(path.lastIndexOf('/') + 1)

function isUnexplainedExport(lines: readonly string[], line: string, index: number): boolean {
  if (!/^export (?:default )?(?:(?:async )?function|class|const \w+ = (?:async )?\()/.test(line)) return false
  const before = (lines[index - 1] ?? '').trim()
  return !before.endsWith('*/') && !before.startsWith('//')
}

/** The word stands in a comment: it is in the text but not in the code, and a comment begins on that line. */
const isMarker = (line: string, masked: string) =>
  /(?:\/\/|\*).*\b(?:TODO|FIXME|HACK|XXX)\b/.test(line) &&
  !/\b(?:TODO|FIXME|HACK|XXX)\b/.test(masked) &&
  !/['"`/].*(?:TODO|FIXME)\|/.test(line)

/** Runs of lines that stand word for word in two places; short lines and imports say nothing and do not count. */
function repeatedBlocks(files: readonly SourceFile[]): Found[] {
  const least = limits['Repeated block']
  const rows = files.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const text = line.trim()
      return text.length > 12 && !/^(?:import|export \{|\*|\/\/|\/\*)/.test(text)
        ? [{ path, line: index + 1, text }]
        : []
    }),
  )
  const seen = new Map<string, number>()
  const found: Found[] = []
  for (let at = 0; at + least <= rows.length; at += 1) {
    const window = rows.slice(at, at + least)
    if (window.at(-1)?.path !== window[0]?.path) continue
    const key = window.map(({ text }) => text).join('\n')
    const first = seen.get(key)
    if (first === undefined) {
      seen.set(key, at)
      continue
    }
    let length = least
    while (isSameRow(rows, first + length, at + length) && rows[at + length]?.path === rows[at]?.path) length += 1
    const [here, there] = [rows[at], rows[first]]
    if (here && there && first + length <= at)
      found.push({
        measure: 'Repeated block',
        what: `${length} lines stand at ${there.path} line ${there.line} too`,
        value: length,
        path: here.path,
        line: here.line,
      })
    at += length - 1
  }
  return found
}

const isSameRow = (rows: readonly { path: string; text: string }[], a: number, b: number) =>
  rows[a] !== undefined && rows[a].text === rows[b]?.text
