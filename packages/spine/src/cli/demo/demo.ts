/** `memory-spine demo`: runs both chains, and prints the chain, both reports, and constraint by constraint what was kept. */

import { existsSync, statSync } from 'node:fs'
import { MemorySpine } from '../../client/memory-spine.ts'
import { DEFAULT_TOKENIZER, tokenizer } from '../../service/tokenizers.ts'
import { countOf, UsageError } from '../config.ts'
import { startLocalServer, startTemporaryServer } from '../local-server.ts'
import { type Output, table, wrap } from '../output.ts'
import { type EnvelopeHop, runEnvelopeChain } from './envelope-chain.ts'
import { request } from './request.ts'
import { isTestFile, ownSources, readSources, type SourceFile, testFileNames } from './sources.ts'
import { characters_per_sentence } from './summary.ts'
import { type ChainResult, runSummaryChain, type SummaryHop } from './summary-chain.ts'

export async function demo(
  folder: string | undefined,
  flags: Record<string, unknown>,
  output: Output,
): Promise<number> {
  const sentences = countOf('--sentences', flags.sentences)
  const max_tokens = countOf('--max-tokens', flags.maxTokens)
  const files = filesIn(folder ?? ownSources())
  for (const line of introduction(files, folder ?? 'the sources of this program')) output.progress(wrap(line))
  output.progress('')

  output.progress('By envelopes, through a server of their own:')
  const keep = typeof flags.keep === 'string' ? fileToKeep(flags.keep) : undefined
  const envelopes = await byEnvelopes(files, { max_tokens, keep }, output)
  output.progress(`\nBy summaries of up to ${sentences} sentences, the same agents:`)
  const summaries = runSummaryChain(files, sentences)
  for (const { hop, from, to, summary } of summaries.hops)
    output.progress(wrap(`  hop ${hop}: ${from} -> ${to}: "${summary}"`))
  output.progress('')

  const tokens = await tokenizer(DEFAULT_TOKENIZER)
  say(envelopes, { ...summaries, sentences }, tokens, output)
  if (keep !== undefined) sayWhereToLook(envelopes.hops, keep, output)
  const hops = summaries.hops.map((hop) => ({ ...hop, tokens: tokens(hop.summary) }))
  const test_files = files.filter(({ path }) => isTestFile(path)).length
  output.answer({ request, files: files.length, test_files, envelopes, summaries: { ...summaries, sentences, hops } })
  return 0
}

function filesIn(folder: string): SourceFile[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`${folder} is not a folder.`)
  const files = readSources(folder)
  if (files.length === 0) throw new UsageError(`${folder} has no JavaScript or TypeScript files.`)
  return files
}

/** Two chains in one store would be one chain. */
function fileToKeep(file: string): string {
  if (existsSync(file)) throw new UsageError(`--keep: ${file} is there already; the demo needs a store of its own.`)
  return file
}

async function byEnvelopes(
  files: readonly SourceFile[],
  { max_tokens, keep }: { max_tokens: number; keep: string | undefined },
  output: Output,
) {
  const server = await (keep === undefined ? startTemporaryServer() : startLocalServer({ store: `sqlite:${keep}` }))
  try {
    await using client = new MemorySpine({ endpoint: server.endpoint })
    return await runEnvelopeChain({ client, files, max_tokens, progress: output.progress })
  } finally {
    await server.close()
  }
}

/** The chain is there: what can be asked of it. */
function sayWhereToLook(hops: readonly EnvelopeHop[], file: string, output: Output): void {
  const [first, last] = [hops[0]?.envelope_id, hops.at(-1)?.envelope_id]
  output.say()
  output.say(`The chain is kept in ${file}. Look at it:`)
  output.say(`  npx memory-spine handoffs diff ${first} ${last} --store sqlite:${file}`)
  output.say(`  npx memory-spine handoffs preview ${last} --store sqlite:${file}`)
}

function say(
  envelopes: ChainResult & { hops: EnvelopeHop[] },
  summaries: ChainResult & { hops: SummaryHop[]; sentences: number },
  tokens: (text: string) => number,
  output: Output,
): void {
  const { say: print } = output
  print('THE REQUEST')
  print(wrap(request))
  print()
  print('THE CHAIN')
  const chain = envelopes.hops.map((hop, index) => [
    String(hop.hop),
    `${hop.from} -> ${hop.to}`,
    `${hop.tokens}/${hop.max_tokens}`,
    String(hop.refs),
    `${Math.round(hop.completeness * 100)} %`,
    hop.latency_ms.toFixed(1),
    String(tokens(summaries.hops[index]?.summary ?? '')),
  ])
  print(table(['hop', 'from -> to', 'tokens/budget', 'refs', 'complete', 'ms', 'by summary'], chain))
  for (const line of legend(summaries.sentences)) print(wrap(line))
  for (const [title, { report }] of [
    ['BY ENVELOPES', envelopes],
    ['BY SUMMARIES', summaries],
  ] as const) {
    print()
    print(`THE REPORT ${title}`)
    print(wrap(report.trimEnd()))
  }
  print()
  print('WHAT BECAME OF EACH CONSTRAINT')
  print(sideBySide(envelopes, summaries))
  print()
  print('* It holds, but the words were gone: the last agent had not heard of it.')
}

/** What is about to happen, and what the numbers of files mean. */
export function introduction(files: readonly SourceFile[], where: string): string[] {
  const tests = files.filter(({ path }) => isTestFile(path)).length
  const wanted = files.length - tests
  const leftOut = `; ${tests} more are test files (${testFileNames}), which the request leaves out`
  return [
    `Four agents audit ${where}: ${wanted} files${tests > 0 ? leftOut : ''}.`,
    'No model is involved: the agents are scripted. They run twice, the same functions, and know only the words that reach them.',
  ]
}

/** What stands in the columns of the chain, and what a summary is here. */
function legend(sentences: number): string[] {
  return [
    '',
    '- refs: memories that the envelope names, as they fit: whole, as an excerpt, or by an id under which they are read',
    '- complete: how many of the memories that were asked for are there; 100 % says that none is missing',
    '- ms: from sealing to acceptance by the next agent',
    '',
    `By summary, each agent passes on at most ${sentences} sentences (${sentences * characters_per_sentence} characters) about all that it got and found; the report itself goes along whole, as a file would. That is how it goes wherever the next agent gets the last one's message: the whole history would outgrow its window, so every hop sums up. Here a plain summariser does it (SumBasic: the task first, then what is said most), where a model would choose better, and still leave out now and then what is said only once. \`--sentences 1000\` passes everything on and loses nothing.`,
  ]
}

/** Two lines to a constraint: what became of it, and why, left by envelopes and right by summaries. */
function sideBySide(envelopes: ChainResult, summaries: ChainResult): string {
  const verdict = ({ checks, reached }: ChainResult, key: string) => {
    const check = checks.find((one) => one.key === key)
    const mark = check?.kept && !reached.includes(key) ? '*' : ''
    return { word: `${check?.kept ? 'kept' : 'LOST'}${mark}`, why: check?.why ?? '' }
  }
  const column = (text: string) => text.padEnd(39)
  const lines = envelopes.checks.flatMap(({ key, says }) => {
    const [left, right] = [verdict(envelopes, key), verdict(summaries, key)]
    return [`${says}`, ...sideLines(`  ${left.word}: ${left.why}`, `${right.word}: ${right.why}`)]
  })
  const count = ({ checks, reached }: ChainResult) =>
    `${checks.filter(({ kept }) => kept).length} of ${checks.length} kept, ${reached.length} heard at the end`
  return [
    `${column('  by envelopes')}  by summaries`,
    ...lines,
    '',
    `${column(`  ${count(envelopes)}`)}  ${count(summaries)}`,
  ].join('\n')
}

function sideLines(left: string, right: string): string[] {
  const [lefts, rights] = [wrap(left, 39).split('\n'), wrap(right, 38).split('\n')]
  return Array.from({ length: Math.max(lefts.length, rights.length) }, (_, index) =>
    `${(lefts[index] ?? '').padEnd(39)}  ${rights[index] ?? ''}`.trimEnd(),
  )
}
