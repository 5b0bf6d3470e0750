/** The same four agents, handing over by summaries: each passes on a summary of what it got and what it has to say. */

import { analyse, research, write } from './agents.ts'
import { hear, request } from './request.ts'
import { type Check, review } from './review.ts'
import type { SourceFile } from './sources.ts'
import { summarise } from './summary.ts'

export type ChainResult = {
  report: string
  /** Against the words of the user, whatever of them the chain still knew. */
  checks: Check[]
  /** The constraints that could still be heard in what reached the last agent. */
  reached: string[]
}

export type SummaryHop = { hop: number; from: string; to: string; summary: string }

/** The report itself is handed over whole, as a file would be; only what is said about the work is summarised. */
export function runSummaryChain(files: readonly SourceFile[], sentences: number): ChainResult & { hops: SummaryHop[] } {
  const hops: SummaryHop[] = [{ hop: 1, from: 'user', to: 'researcher', summary: request }]
  const handOver = (from: string, to: string, got: string, said: readonly string[]): string => {
    const summary = summarise([got, ...said].join('\n'), sentences)
    hops.push({ hop: hops.length + 1, from, to, summary })
    return summary
  }
  const toAnalyst = handOver('researcher', 'analyst', request, research(request, files).said)
  const toWriter = handOver('analyst', 'writer', toAnalyst, analyse(toAnalyst).said)
  const { report, said } = write(toWriter)
  const toReviewer = handOver('writer', 'reviewer', toWriter, said)
  const checks = review(report, hear(request), files)
  return { report, checks, reached: checks.filter(({ key }) => hear(toReviewer).has(key)).map(({ key }) => key), hops }
}
