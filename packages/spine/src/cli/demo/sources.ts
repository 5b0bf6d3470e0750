/** The files that the demo audits: the program's own sources, or those of any folder. Read once, in order of name. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export type SourceFile = {
  /** Below the folder, with forward slashes. */
  path: string
  lines: readonly string[]
}

const isSource = (path: string) => /\.(?:ts|tsx|js|mjs|jsx)$/.test(path) && !/\.d\.ts$|\.min\.js$/.test(path)
const skipped: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage', '.git'])
const max_file_bytes = 1_000_000
/** Nobody writes lines like that: a tool made the file. */
const bundled_line_length = 2_000

/** `src` in the repository, `dist` in the installed package: whichever this file stands in. */
export const ownSources = (): string => fileURLToPath(new URL('../../', import.meta.url))

export function readSources(folder: string): SourceFile[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => isSource(path) && !path.split('/').some((part) => skipped.has(part)))
    .sort()
  return paths.flatMap((path) => {
    const file = join(folder, path)
    const { size } = statSync(file)
    const lines = size > max_file_bytes ? [] : withoutHelpers(readFileSync(file, 'utf8').split(/\r?\n/))
    return lines.length === 0 || lines.some((line) => line.length > bundled_line_length) ? [] : [{ path, lines }]
  })
}

/** Compilers put functions of their own at the top of what they make. Nobody wrote them; their lines stay, empty. */
function withoutHelpers(lines: readonly string[]): string[] {
  let inside = false
  return lines.map((line) => {
    inside ||= /^var (__\w+) = \(this && this\.\1\) \|\| /.test(line)
    if (!inside) return line
    inside = !/^\}.*;$/.test(line)
    return ''
  })
}

/** What a person takes for one: by its own name, or by that of a folder that it lies in. */
export const isTestFile = (path: string): boolean =>
  /(?:\.|_|-)(?:test|spec)\.\w+$|(?:^|\/)(?:tests?|testing|__tests__)\//.test(path)

/** The same in words. */
export const testFileNames = '*.test.*, *.spec.*, and folders named test, tests, testing or __tests__'
