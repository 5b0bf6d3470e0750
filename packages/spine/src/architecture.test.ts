// The plan of the house, as a test: who may import whom, and what no room may contain. The tables below are the rules;
// a change to them is a change to the design. Every rule is also shown a planted violation, so that it can be trusted
// when it is silent. Tests themselves may import anything, but nothing may import a test.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { posix, sep } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOMS = ['protocol', 'rules', 'store', 'service', 'http', 'client', 'mcp', 'testing', 'cli']
const ENTRIES = ['index.ts', 'embedded.ts', 'server.ts', 'mcp.ts', 'testing.ts']

/** What each room, and each entry file beside the rooms, may import of the others. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  rules: ['protocol'],
  store: ['protocol'],
  service: ['protocol', 'rules', 'store'],
  http: ['protocol'],
  client: ['protocol', 'rules'],
  mcp: ['protocol', 'client'],
  testing: [...ROOMS, ...ENTRIES].filter((name) => name !== 'cli'),
  cli: [...ROOMS, ...ENTRIES],
  'index.ts': ['protocol', 'rules', 'client'],
  'embedded.ts': ['protocol', 'rules', 'store', 'service'],
  'server.ts': ['protocol', 'http'],
  'mcp.ts': ['protocol', 'client', 'mcp'],
  'testing.ts': ['testing'],
}

/** MemorySpine.open(file) loads the embedded engine when it is called, so that the root export stays light. */
const DYNAMIC_EXCEPTIONS = [{ from: 'client', to: 'embedded.ts' }]

/** Rooms that are pure, and the packages they may use all the same. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  protocol: ['zod', 'canonicalize', 'node:crypto'],
  rules: [],
}

const ROOT_REACHES = ['zod', 'canonicalize']
const FORBIDDEN_FOLDERS = ['utils', 'helpers', 'common', 'types']
const MAX_LINES = 400

/** Longer files, each with a reason that a reader would accept. */
const LONG_FILES: Readonly<Record<string, string>> = {}

/** Path below src, with forward slashes, to the text of the file. */
type Sources = ReadonlyMap<string, string>
type Import = { readonly target: string; readonly kind: 'value' | 'type' | 'dynamic'; readonly isPackage: boolean }

const sources = readSources()

test('every room imports only the rooms it may', () => {
  assert.deepEqual(wrongRooms(sources), [])
})

test('pure rooms use only the packages they may', () => {
  assert.deepEqual(wrongPackages(sources), [])
})

test('no files import each other in a circle, not even for types', () => {
  assert.deepEqual(cycles(sources), [])
})

test('the root export loads nothing heavier than zod', () => {
  assert.deepEqual(heavyRoot(sources), [])
})

test('the testing entry works under any test runner', () => {
  assert.deepEqual(reaches(sources, 'testing.ts', 'node:test'), [])
  const planted = plant({ 'testing.ts': "export { a } from './testing/a.ts'", 'testing/a.ts': "import 'node:test'" })
  assert.deepEqual(reaches(planted, 'testing.ts', 'node:test'), ['testing/a.ts reaches node:test'])
})

test('every export is named', () => {
  assert.deepEqual(starExports(sources), [])
})

test('no folder is named after nothing in particular', () => {
  assert.deepEqual(vagueFolders(sources), [])
})

test('no source file is longer than 400 lines without a reason', () => {
  assert.deepEqual(longFiles(sources, LONG_FILES), [])
})

test('the import rule sees a wrong room, a room it does not know, an import of a test and of the package itself', () => {
  const planted = plant({
    'rules/fit.ts': "import { open } from '../store/sqlite.ts'",
    'http/server.ts': "import type { Ledger } from '../service/ledger.ts'",
    'attic/box.ts': '',
    'store/rows.ts': "import { row } from './rows.test.ts'",
    'service/spine.ts': "import { rank } from 'memory-spine'",
    'mcp/tools.ts': "export { serve } from '../server.ts'",
    'protocol/ids.ts': "export type Id = import('../store/rows.ts').Row",
    'service/spine.test.ts': "import { serve } from '../http/server.ts'",
  })
  assert.deepEqual(wrongRooms(planted), [
    'rules/fit.ts imports store/sqlite.ts: rules may import protocol',
    'http/server.ts imports service/ledger.ts: http may import protocol',
    'attic/box.ts is in attic, which the table of rooms does not know',
    'store/rows.ts imports the test store/rows.test.ts',
    'service/spine.ts imports memory-spine: inside the package, imports are relative',
    'mcp/tools.ts imports server.ts: mcp may import protocol, client',
    'protocol/ids.ts imports store/rows.ts: protocol may import nothing',
  ])
})

test('the client may load the embedded engine when called, but not when loaded', () => {
  const dynamic = plant({ 'client/spine.ts': "const { createSpine } = await import('../embedded.ts')" })
  assert.deepEqual(wrongRooms(dynamic), [])
  const fixed = plant({ 'client/spine.ts': "import { createSpine } from '../embedded.ts'" })
  assert.deepEqual(wrongRooms(fixed), ['client/spine.ts imports embedded.ts: client may import protocol, rules'])
})

test('the package rule sees a package that a pure room may not use', () => {
  const planted = plant({
    'protocol/ids.ts': "import { z } from 'zod'\nimport { readFileSync } from 'node:fs'",
    'rules/rank.ts': "import { encode } from 'gpt-tokenizer/encoding/o200k_base'",
  })
  assert.deepEqual(wrongPackages(planted), [
    'protocol/ids.ts imports node:fs: protocol may use zod, canonicalize, node:crypto',
    'rules/rank.ts imports gpt-tokenizer/encoding/o200k_base: rules may use nothing',
  ])
})

test('the circle rule sees a circle that a type closes', () => {
  const planted = plant({
    'rules/a.ts': "import { b } from './b.ts'",
    'rules/b.ts': "import {\n  c,\n} from './c.ts'",
    'rules/c.ts': "import type { A } from './a.ts'",
    'rules/d.ts': "import { a } from './a.ts'",
  })
  assert.deepEqual(cycles(planted), ['rules/a.ts -> rules/b.ts -> rules/c.ts -> rules/a.ts'])
})

test('the root rule sees a heavy package behind other files, and lets types and late imports pass', () => {
  const planted = plant({
    'index.ts': "export { connect } from './client/connect.ts'\nimport type { Logger } from 'pino'",
    'client/connect.ts': "import 'fastify'\nimport fs from 'node:fs'\nconst late = () => import('commander')",
  })
  assert.deepEqual(heavyRoot(planted), ['index.ts -> client/connect.ts reaches fastify'])
})

test('the naming rules see a star export and a vague folder', () => {
  const planted = plant({ 'rules/utils/text.ts': "export * from './words.ts'" })
  assert.deepEqual(starExports(planted), ['rules/utils/text.ts: export * from'])
  assert.deepEqual(vagueFolders(planted), ['rules/utils/text.ts'])
})

test('the length rule sees a long file, and an excuse that is no longer needed', () => {
  const planted = plant({ 'rules/long.ts': 'x\n'.repeat(401), 'rules/long.test.ts': 'x\n'.repeat(999) })
  assert.deepEqual(longFiles(planted, {}), ['rules/long.ts has 401 lines'])
  assert.deepEqual(longFiles(planted, { 'rules/long.ts': 'one table', 'rules/gone.ts': 'was long' }), [
    'rules/gone.ts no longer needs its excuse',
  ])
})

test('imports are read where code has them, not in comments', () => {
  const text = [
    "// import { a } from './a.ts'",
    "/** import('./b.ts') */",
    'import { c, // the first',
    "  d } from './c.ts'",
    "import './e.ts'",
    "export type { F } from './f.ts'",
    "export const g = 'from'",
    "const h = await import('./h.ts')",
  ].join('\n')
  assert.deepEqual(
    importsOf('rules/x.ts', text).map(({ target, kind }) => `${kind} ${target}`),
    ['value rules/c.ts', 'value rules/e.ts', 'type rules/f.ts', 'dynamic rules/h.ts'],
  )
})

function wrongRooms(files: Sources): string[] {
  return sourceFiles(files).flatMap(([path, text]) => {
    const room = roomOf(path)
    const allowed = MAY_IMPORT[room]
    if (!allowed) {
      return [`${path} is in ${room}, which the table of rooms does not know`]
    }
    return importsOf(path, text).flatMap(({ target, kind, isPackage }) => {
      const to = roomOf(target)
      if (to === 'memory-spine') {
        return [`${path} imports ${target}: inside the package, imports are relative`]
      }
      if (isTest(target)) {
        return [`${path} imports the test ${target}`]
      }
      const excepted = kind === 'dynamic' && DYNAMIC_EXCEPTIONS.some((item) => item.from === room && item.to === to)
      if (isPackage || to === room || allowed.includes(to) || excepted) {
        return []
      }
      return [`${path} imports ${target}: ${room} may import ${allowed.join(', ') || 'nothing'}`]
    })
  })
}

function wrongPackages(files: Sources): string[] {
  return sourceFiles(files).flatMap(([path, text]) => {
    const allowed = MAY_USE[roomOf(path)]
    if (!allowed) {
      return []
    }
    return importsOf(path, text)
      .filter(({ target, isPackage }) => isPackage && !allowed.includes(packageOf(target)))
      .map(({ target }) => `${path} imports ${target}: ${roomOf(path)} may use ${allowed.join(', ') || 'nothing'}`)
  })
}

function cycles(files: Sources): string[] {
  const found: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      found.push([...trail.slice(start), path].join(' -> '))
      return
    }
    if (finished.has(path)) {
      return
    }
    for (const { target } of importsOf(path, files.get(path) ?? '')) {
      if (files.has(target)) {
        visit(target, [...trail, path])
      }
    }
    finished.add(path)
  }
  for (const path of files.keys()) {
    visit(path, [])
  }
  return found
}

function heavyRoot(files: Sources): string[] {
  const found: string[] = []
  const seen = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    seen.add(path)
    for (const { target, kind, isPackage } of importsOf(path, files.get(path) ?? '')) {
      if (kind === 'value' && isPackage && !target.startsWith('node:') && !ROOT_REACHES.includes(packageOf(target))) {
        found.push(`${[...trail, path].join(' -> ')} reaches ${target}`)
      }
      if (kind === 'value' && !isPackage && !seen.has(target)) {
        visit(target, [...trail, path])
      }
    }
  }
  visit('index.ts', [])
  return found
}

/** Which files behind an entry import a package. */
function reaches(files: Sources, entry: string, unwanted: string): string[] {
  const seen = new Set([entry])
  for (const path of seen)
    for (const { target, isPackage } of importsOf(path, files.get(path) ?? '')) if (!isPackage) seen.add(target)
  return [...seen]
    .filter((path) => importsOf(path, files.get(path) ?? '').some(({ target }) => target === unwanted))
    .map((path) => `${path} reaches ${unwanted}`)
}

function starExports(files: Sources): string[] {
  return sourceFiles(files).flatMap(([path, text]) =>
    [...withoutComments(text).matchAll(/^\s*export\s+(?:type\s+)?\*.*?\bfrom\b/gm)].map(
      ([found]) => `${path}: ${found.trim()}`,
    ),
  )
}

function vagueFolders(files: Sources): string[] {
  return [...files.keys()].filter((path) =>
    path
      .split('/')
      .slice(0, -1)
      .some((folder) => FORBIDDEN_FOLDERS.includes(folder)),
  )
}

function longFiles(files: Sources, excuses: Readonly<Record<string, string>>): string[] {
  const long = new Map<string, number>()
  for (const [path, text] of sourceFiles(files)) {
    const lines = text.trimEnd().split('\n').length
    if (lines > MAX_LINES) {
      long.set(path, lines)
    }
  }
  return [
    ...[...long].filter(([path]) => !excuses[path]).map(([path, lines]) => `${path} has ${lines} lines`),
    ...Object.keys(excuses)
      .filter((path) => !long.has(path))
      .map((path) => `${path} no longer needs its excuse`),
  ]
}

/** The imports of a file. A relative one is given as a path below src, any other as it stands. */
function importsOf(path: string, text: string): Import[] {
  const code = withoutComments(text)
  const declarations = /^[ \t]*(?:import|export)\s+(type\s+(?!from\b))?(?:[\w$*\s{},]+?\s*from\s*)?['"]([^'"]+)['"]/gm
  const calls = /\bimport\(\s*['"]([^'"]+)['"]/g
  const read = (specifier: string, kind: Import['kind']): Import =>
    specifier.startsWith('.')
      ? { target: posix.join(posix.dirname(path), specifier), kind, isPackage: false }
      : { target: specifier, kind, isPackage: true }
  return [
    ...[...code.matchAll(declarations)].map(([, type, specifier = '']) => read(specifier, type ? 'type' : 'value')),
    ...[...code.matchAll(calls)].map(([, specifier = '']) => read(specifier, 'dynamic')),
  ]
}

/** Removes comments on lines of their own, and line comments after a comma or brace, where import lists have them. */
function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '')
    .replace(/^[ \t]*\/\/.*$/gm, '')
    .replace(/([,{])[ \t]*\/\/.*$/gm, '$1')
}

function readSources(): Sources {
  const folder = fileURLToPath(new URL('./', import.meta.url))
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  return new Map(paths.sort().map((path) => [path.split(sep).join('/'), readFileSync(folder + path, 'utf8')]))
}

function plant(files: Record<string, string>): Sources {
  return new Map(Object.entries(files))
}

function sourceFiles(files: Sources): [path: string, text: string][] {
  return [...files].filter(([path]) => !isTest(path))
}

/** The room of a path below src ('rules/fit.ts' is in rules), or the name of an entry file or package. */
function roomOf(path: string): string {
  return path.split('/')[0] ?? path
}

/** The name of a package without the path into it; builtins keep theirs ('node:fs/promises'). */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}
