/** The reviewer's work: reads the report and the files it cites, and checks each constraint mechanically. */

import { measure } from './measure.ts'
import { type ConstraintName, type Heard, stated } from './request.ts'
import { isTestFile, type SourceFile } from './sources.ts'
import { readFilesRead, readLeftOut } from './statements.ts'

export type Check = { key: ConstraintName; says: string; kept: boolean; why: string }

type Item = { text: string; measure: string; path?: string; line?: number; times?: number; quote?: string }

/** The numbered findings of a report, marked up or not. */
function itemsOf(report: string): Item[] {
  return report
    .split('\n')
    .filter((line) => /^\d+\. /.test(line))
    .map((text) => {
      const place = / in `?([^\s`]+?):(\d+)/.exec(text)
      const times = /([\d.]+) times the limit/.exec(text)?.[1]
      const quote = /begins `([^`]+)`/.exec(text)?.[1]
      return {
        text,
        measure: /^\d+\. \**([A-Z][a-z ]+?)\** in /.exec(text)?.[1] ?? '',
        ...(place?.[1] && { path: place[1], line: Number(place[2]) }),
        ...(times && { times: Number(times) }),
        ...(quote && { quote }),
      }
    })
}

/** Checks a report against the constraints in `heard`, one answer for each. */
export function review(report: string, heard: Heard, files: readonly SourceFile[]): Check[] {
  const items = itemsOf(report)
  const verdict = (key: ConstraintName): Omit<Check, 'key' | 'says'> => checks[key]({ report, items, heard, files })
  return (Object.keys(checks) as ConstraintName[])
    .filter((key) => heard.has(key))
    .map((key) => ({ key, says: stated[key].says, ...verdict(key) }))
}

type Case = { report: string; items: readonly Item[]; heard: Heard; files: readonly SourceFile[] }
type Verdict = { kept: boolean; why: string }

const unless = (wrong: string | undefined, right: string): Verdict =>
  wrong === undefined ? { kept: true, why: right } : { kept: false, why: wrong }

const checks: Readonly<Record<ConstraintName, (of: Case) => Verdict>> = Object.freeze({
  count: ({ items, heard }) =>
    items.length === 0
      ? { kept: false, why: 'it reports none' }
      : { kept: items.length <= heard.max_findings, why: `it reports ${items.length}` },
  order: checkOrder,
  scope: ({ items }) => unless(named(items.find(({ path }) => path && isTestFile(path))), 'no test file is named'),
  citation: checkCitations,
  spread: ({ items }) =>
    unless(
      named(items.find(({ path }, index) => items.findIndex((other) => other.path === path) < index)),
      'every file once',
    ),
  silence: ({ items }) => unless(named(items.find((item) => item.measure === 'Long line')), 'none is reported'),
  format: ({ report }) =>
    unless(/^# .+\n\n/.test(report) ? undefined : 'it is plain text', 'it has a heading and a list'),
  reasons: ({ report }) => {
    const count = readLeftOut(report).length
    return { kept: count > 0, why: count > 0 ? `it gives ${count} reasons` : 'it does not say' }
  },
  close: checkClose,
})

const named = (item: Item | undefined) => (item ? `it names ${item.path}:${item.line}` : undefined)

/** The reviewer measures for itself what the worst is, as far as the constraints let it be reported. */
function checkOrder({ items, heard, files }: Case): Verdict {
  const [first] = items
  if (!first) return { kept: false, why: 'it reports none' }
  const worst = measure(wantedFiles(files, heard)).find(
    (item) => !(heard.has('silence') && item.measure === 'Long line'),
  )
  if (worst && (first.path !== worst.path || first.line !== worst.line))
    return { kept: false, why: `the worst is ${worst.path}:${worst.line}` }
  const falls = items.every((item, index) => index === 0 || (item.times ?? 0) <= (items[index - 1]?.times ?? 0))
  return unless(falls ? undefined : 'they are not in order', 'the worst leads, the rest follow in order')
}

/** Goes to each cited line and looks whether it begins as quoted. */
function checkCitations({ items, files }: Case): Verdict {
  const lines = new Map(files.map((file) => [file.path, file.lines]))
  const right = items.filter(({ path, line, quote }) => {
    const text = lines.get(path ?? '')?.[(line ?? 0) - 1]
    return text !== undefined && quote !== undefined && text.trim().startsWith(quote)
  })
  return {
    kept: items.length > 0 && right.length === items.length,
    why: `${right.length} of ${items.length} cited lines begin as quoted`,
  }
}

function checkClose({ report, heard, files }: Case): Verdict {
  const last = report.trimEnd().split('\n').at(-1) ?? ''
  const told = readFilesRead(last)
  const right = wantedFiles(files, heard).length
  if (told === undefined) return { kept: false, why: 'it does not say' }
  return unless(told === right ? undefined : `it says ${told}, there are ${right}`, `${told}, which is right`)
}

const wantedFiles = (files: readonly SourceFile[], heard: Heard) =>
  files.filter(({ path }) => !(heard.has('scope') && isTestFile(path)))
