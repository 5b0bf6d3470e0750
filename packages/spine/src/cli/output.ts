/**
 * What the program prints. People read standard output; with --json its last line is the JSON and everything else goes
 * to standard error, so that a pipe gets nothing but the answer. Progress is never part of an answer. What agents wrote
 * is text to a terminal, too: none of it can colour, hide or overwrite what stands there.
 */

import { visibleText } from '../protocol/visible.ts'

export type Output = {
  /** For people. */
  say(text?: string): void
  /** While something runs: always on standard error. */
  progress(text: string): void
  /** The answer for programs; printed with --json only. */
  answer(value: unknown): void
  json: boolean
}

type Sink = { write(text: string): unknown }

export function createOutput(json: boolean, stdout: Sink = process.stdout, stderr: Sink = process.stderr): Output {
  const people = json ? stderr : stdout
  return Object.freeze({
    say: (text = '') => void people.write(`${visibleText(text)}\n`),
    progress: (text: string) => void stderr.write(`${visibleText(text)}\n`),
    answer: (value: unknown) => {
      if (json) stdout.write(`${JSON.stringify(value)}\n`)
    },
    json,
  })
}

const isNumeric = (cell: string) => /^[\d.,/% -]+$/.test(cell)

/** Columns as wide as their widest cell; a column of numbers stands to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => isNumeric(row[column] ?? '')))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** Breaks lines at spaces so that they fit a terminal; what is indented or listed stays indented. */
export function wrap(text: string, width = 80): string {
  return text
    .split('\n')
    .map((line) => {
      const hang = ' '.repeat(/^\s*(?:\d+\. |- )?/.exec(line)?.[0].length ?? 0)
      const out: string[] = []
      let rest = line
      while (rest.length > width) {
        const at = rest.lastIndexOf(' ', width)
        if (at <= hang.length) break
        out.push(rest.slice(0, at))
        rest = hang + rest.slice(at + 1)
      }
      return [...out, rest].join('\n')
    })
    .join('\n')
}

/** One line of a text, short enough for a table. */
export const clip = (text: string, length: number): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 3)}...` : line
}
