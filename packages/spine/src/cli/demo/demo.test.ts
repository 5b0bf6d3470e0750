// The work of the demo's agents on a small tree of files, without a server.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { analyse, research, write } from './agents.ts'
import { functionsOf, maskCode } from './code.ts'
import { introduction } from './demo.ts'
import { measure } from './measure.ts'
import { hear, request } from './request.ts'
import { review } from './review.ts'
import { isTestFile, readSources } from './sources.ts'
import { readLeftOut, readStatements, sayObservation } from './statements.ts'
import { sentencesOf, summarise } from './summary.ts'
import { runSummaryChain } from './summary-chain.ts'

const folder = mkdtempSync(join(tmpdir(), 'demo-'))
after(() => rmSync(folder, { recursive: true }))

const body = (lines: number, word: string) =>
  Array.from({ length: lines }, (_, index) => `  const ${word}${index} = ${index} * 2`).join('\n')
const plant: Record<string, string> = {
  'a/long.ts': `/** Long. */\nexport function grind() {\n${body(120, 'grain')}\n}\n`,
  'a/long.test.ts': `export function proof() {\n${body(400, 'proof')}\n}\n`,
  'b/deep.ts':
    'function dig() {\n  if (1) {\n    for (;;) {\n      while (1) {\n        if (2) {\n          if (3) {\n            go()\n          }\n        }\n      }\n    }\n  }\n}\n',
  'b/large.ts': `${Array.from({ length: 260 }, (_, index) => `let large${index}`).join('\n')}\n`,
  'c/later.ts': '// TODO: one\n// FIXME: two\nconst quiet = "TODO"\n',
  'c/wide.ts': `const wide = '${'x'.repeat(300)}'\n`,
  'd/one.ts': `const one = [\n${body(9, 'same')}\n]\n`,
  'd/two.ts': `const two = [\n${body(9, 'same')}\n]\n`,
  'e/bare.ts':
    'export const a = () => 1\nexport function b() {}\nexport class C {}\nexport async function d() {}\nexport type D = string\n/** e */\nexport const e = () => 1\n',
  'f/testing/suite.ts': `export function suite() {\n${body(500, 'suite')}\n}\n`,
  'node_modules/x/skipped.ts': body(900, 'never'),
}
for (const [path, text] of Object.entries(plant)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const files = readSources(folder)

test('code is told from strings, templates, comments and regular expressions', () => {
  const masked = maskCode("a('}') // {\nb(`{$" + '{c({})}`) /* { */\nd = /[/{]/.test(e) / 2\n')
  assert.equal(masked.replace(/ /g, ''), 'a()\nb(c({}))\nd=.test(e)/2\n')
})

test('a function reaches to the line that closes its last bracket', () => {
  const code =
    'function f(\n  a: { b: 1 },\n): { c: 2 } {\n  return x\n}\nconst g = (a) => {\n  if (a) {\n    h()\n  }\n}\n'
  assert.deepEqual(
    functionsOf(maskCode(code).split('\n')).map(({ name, line, lines, depth }) => [name, line, lines, depth]),
    [
      ['f', 1, 5, 0],
      ['g', 6, 5, 1],
    ],
  )
})

test('every measure finds what was planted, at its line, with the first words of the line', () => {
  const found = measure(files).map(({ measure: key, path, line, quote }) => `${key} ${path}:${line} ${quote}`)
  for (const expected of [
    'Long function a/long.ts:2 export function grind() {',
    'Deep nesting b/deep.ts:1 function dig() {',
    'Large file b/large.ts:1 let large0',
    'Left for later c/later.ts:1 // TODO: one',
    'Repeated block d/two.ts:2 const same0 = 0 * 2',
    'Unexplained exports e/bare.ts:1 export const a = () => 1',
  ])
    assert.ok(found.includes(expected), `${expected} in\n${found.join('\n')}`)
  assert.ok(found.some((line) => line.startsWith('Long line c/wide.ts:1')))
  assert.ok(!found.some((line) => line.includes('skipped')))
})

test('a quotation has whole words, and is of a line that says something', () => {
  const long = 'export function forwardSuite(name: string, openStore: () => Promise<Database>): void {'
  const lines = [
    '/**',
    ` * ${'Words of a comment that goes on. And on.'}`,
    ' */',
    long,
    ...Array(250).fill('  a()'),
    '}',
    '/** end */',
  ]
  const quotes = measure([{ path: 'x.ts', lines }]).map(({ measure: key, line, quote }) => [key, line, quote])
  assert.deepEqual(quotes, [
    ['Long function', 4, 'export function forwardSuite(name: string, openStore: () =>'],
    ['Large file', 2, '* Words of a comment that goes on.'],
  ])
})

test('test files are what a person takes for them', () => {
  const tests = [
    'a.test.ts',
    'a/b.spec.js',
    'test/a.ts',
    'a/tests/b.ts',
    'testing/conformance/forward.ts',
    '__tests__/a.ts',
  ]
  const others = ['a.ts', 'latest/a.ts', 'a/testing.ts', 'contest.ts', 'testimony/a.ts']
  assert.deepEqual([...tests, ...others].filter(isTestFile), tests)
})

test('what a compiler put into a file does not count, and the lines after it keep their numbers', () => {
  const path = 'f/compiled.js'
  const helper = (name: string, begin: string, end: string) =>
    `var ${name} = (this && this.${name}) || ${begin}\n${body(60, name)}\n${end}\n`
  const text = [
    helper('__addDisposableResource', 'function (env, value, async) {', '};'),
    `var __disposeResources = (this && this.__disposeResources) || (function (SuppressedError) {\n${body(60, 'made')}\n})(typeof SuppressedError === "function" ? SuppressedError : function (error) {\n    return error;\n});\n`,
    `export function own() {\n${body(50, 'own')}\n}\n`,
  ].join('')
  writeFileSync(join(folder, path), text)
  const compiled = readSources(folder).filter((file) => file.path === path)
  rmSync(join(folder, path))
  assert.deepEqual(
    measure(compiled).map(({ measure: key, line, quote }) => [key, line, quote]),
    [['Long function', text.split('\n').indexOf('export function own() {') + 1, 'export function own() {']],
  )
})

test('the demo says what it audits, what it leaves out, and that nobody but scripts is at work', () => {
  const said = introduction(files, 'a folder').join(' ')
  assert.match(said, /a folder: 8 files; 2 more are test files \(\*\.test\.\*.*which the request leaves out/)
  assert.match(said, /No model is involved/)
  const none = introduction(
    files.filter(({ path }) => !isTestFile(path)),
    'b',
  )
  assert.equal(none[0], 'Four agents audit b: 8 files.')
})

test('an observation survives being said and read, and one that was cut off is not understood', () => {
  const observations = measure(files)
  const words = observations.map(sayObservation).join('\n')
  assert.deepEqual(readStatements(words), observations)
  assert.equal(readStatements(words.slice(0, 40)).length, 0)
})

test('agents keep the constraints that they hear', () => {
  const told = research(request, files)
  assert.ok(told.observations.every(({ path, measure: key }) => !path.includes('.test.') && key !== 'Long line'))
  const analysis = analyse([request, ...told.said].join('\n'))
  assert.equal(analysis.findings.length, 5)
  assert.equal(new Set(analysis.findings.map(({ path }) => path)).size, 5)
  assert.ok(analysis.left_out.length > 0)
  const { report } = write([request, told.progress, ...analysis.said].join('\n'))
  assert.match(report, /^# Audit: 5 findings\n\n1\. \*\*/)
  assert.deepEqual(readLeftOut(report), analysis.left_out)
  assert.match(report, /Files read: 8\.\n$/)
  assert.deepEqual(
    review(report, hear(request), files).filter(({ kept }) => !kept),
    [],
  )
})

test('agents that hear nothing of a constraint do not keep it', () => {
  const told = research('Audit the sources.', files)
  assert.ok(told.observations.some(({ path }) => path.includes('.test.')))
  assert.ok(told.observations.some(({ measure: key }) => key === 'Long line'))
  const analysis = analyse(told.said.join('\n'))
  assert.ok(analysis.findings.length > 5)
  const { report } = write(analysis.said.join('\n'))
  assert.doesNotMatch(report, /^#|Files read|Left out/m)
  const lost = review(report, hear(request), files).filter(({ kept }) => !kept)
  assert.deepEqual(
    lost.map(({ key }) => key),
    ['count', 'order', 'scope', 'spread', 'silence', 'format', 'reasons', 'close'],
  )
})

test('the reviewer goes to the cited line and finds a false quotation', () => {
  const wrong =
    '# Audit: 1 finding\n\n1. **Long function** in `a/long.ts:3`: grind has 122 lines, 3 times the limit of 40. The line begins `export function grind() {`.\n'
  const citation = review(wrong, hear(request), files).find(({ key }) => key === 'citation')
  assert.deepEqual([citation?.kept, citation?.why], [false, '0 of 1 cited lines begin as quoted'])
})

test('a summary keeps the first sentence and the commonest words, in order, up to a length', () => {
  const text =
    'Count the cats. The cat sat. Rain fell on Tuesday. The cat and the cat ran! Stop at 1.5 cats, in x.ts:3.'
  assert.equal(sentencesOf(text).length, 5)
  assert.equal(summarise(text, 2), 'Count the cats. The cat and the cat ran!')
  assert.ok(summarise('Word '.repeat(500), 1).length <= 160)
})

test('the chain of summaries hears all of a request when its summaries may be as long as what they sum up', () => {
  const whole = runSummaryChain(files, 1_000)
  assert.deepEqual(
    whole.checks.filter(({ kept }) => !kept),
    [],
  )
  assert.equal(whole.reached.length, 9)
  const short = runSummaryChain(files, 3)
  assert.equal(short.hops.length, 4)
  assert.ok(short.reached.length < 9)
})
