/**
 * How the demo's agents talk: in plain sentences. Each kind of statement is written and read here, so that an agent can
 * take it from whatever text reaches it: a rendered envelope, a memory, or somebody's summary.
 */

import { type MeasureName, measureNames, type Observation } from './measure.ts'

/** A choice that the analyst took against something it had measured. */
export type LeftOut = { what: string; where: string; because: string }

export const sayObservation = ({ measure, what, times, limit, path, line, quote }: Observation): string =>
  `${measure}: ${what}, ${times} times the limit of ${limit}, at ${path}:${line}, which begins \`${quote}\`.`

const observation = new RegExp(
  `(?:Finding (?<rank>\\d+): )?(?<measure>${measureNames.join('|')}): (?<what>[^\`\\n]+?), (?<times>[\\d.]+) times the limit of (?<limit>\\d+), at (?<path>\\S+?):(?<line>\\d+), which begins \`(?<quote>[^\`\\n]+)\`\\.`,
  'g',
)

export type Statement = Observation & {
  /** Its place among the analyst's findings; an observation that nobody has chosen has none. */
  rank?: number
}

/** Every observation and finding that can be read in full; one that was cut off is not understood. */
export function readStatements(words: string): Statement[] {
  const found = new Map<string, Statement>()
  for (const { groups = {} } of words.matchAll(observation)) {
    const statement: Statement = {
      measure: groups.measure as MeasureName,
      what: groups.what ?? '',
      times: Number(groups.times),
      limit: Number(groups.limit),
      path: groups.path ?? '',
      line: Number(groups.line),
      quote: groups.quote ?? '',
      ...(groups.rank && { rank: Number(groups.rank) }),
    }
    const key = `${statement.rank ?? '-'} ${statement.measure} ${statement.path}:${statement.line}`
    if (!found.has(key)) found.set(key, statement)
  }
  return [...found.values()]
}

export const sayFinding = (finding: Observation, rank: number): string => `Finding ${rank}: ${sayObservation(finding)}`

export const sayLeftOut = ({ what, where, because }: LeftOut): string =>
  `Left out ${what} at ${where} because ${because}.`

/** In text that was rendered, a list of them is divided by semicolons; the full stop ends one in any case. */
export function readLeftOut(words: string): LeftOut[] {
  const found = new Map<string, LeftOut>()
  for (const [, what = '', where = '', because = ''] of words.matchAll(
    /Left out ([^\n;]+?) at (\S+:\d+) because ([^\n;|]+?)\.(?=\s|;|$)/g,
  ))
    found.set(`${what} ${where}`, { what, where, because })
  return [...found.values()]
}

export const sayFilesRead = (count: number): string => `Files read: ${count}.`

export function readFilesRead(words: string): number | undefined {
  const count = /Files read: (\d+)\./.exec(words)?.[1]
  return count === undefined ? undefined : Number(count)
}
