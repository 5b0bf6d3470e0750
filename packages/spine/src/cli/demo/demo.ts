/** `memory-spine demo`: runs both chains, and prints the chain, both reports, and constraint by constraint what was kept. */

import { existsSync, statSync } from 'node:fs'
import { MemorySpine } from '../../client/memory-spine.ts'
import { DEFAULT_TOKENIZER, tokenizer } from '../../service/tokenizers.ts'
import { countOf, UsageError } from '../config.ts'
import { startLocalServer, startTemporaryServer } from '../local-server.ts'
import { type Output, table, wrap } from '../output.ts'
import { type EnvelopeHop, runEnvelopeChain } from './envelope-chain.ts'
import { request } from './request.ts'
import { ownSources, readSources, type SourceFile } from './sources.ts'
import { type ChainResult, runSummaryChain, type SummaryHop } from './summary-chain.ts'

export async function demo(
  folder: string | undefined,
  flags: Record<string, unknown>,
  output: Output,
): Promise<number> {
  const sentences = countOf('--sentences', flags.sentences)
  const max_tokens = countOf('--max-tokens', flags.maxTokens)
  const files = filesIn(folder ?? ownSources())
  output.progress(`Four agents audit ${files.length} files in ${folder ?? 'the sources of this program'}.\n`)

  output.progress('By envelopes, through a server of their own:')
  const keep = typeof flags.keep === 'string' ? fileToKeep(flags.keep) : undefined
  const envelopes = await byEnvelopes(files, { max_tokens, keep }, output)
  output.progress(`\nBy summaries of ${sentences} sentences, the same agents:`)
  const summaries = runSummaryChain(files, sentences)
  for (const { hop, from, to, summary } of summaries.hops)
    output.progress(wrap(`  hop ${hop}: ${from} -> ${to}: "${summary}"`))
  output.progress('')

  const tokens = await tokenizer(DEFAULT_TOKENIZER)
  say(envelopes, summaries, tokens, output)
  if (keep !== undefined) sayWhereToLook(envelopes.hops, keep, output)
  const hops = summaries.hops.map((hop) => ({ ...hop, tokens: tokens(hop.summary) }))
  output.answer({ request, files: files.length, envelopes, summaries: { ...summaries, sentences, hops } })
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
  summaries: ChainResult & { hops: SummaryHop[] },
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
