/**
 * The work of the researcher, the analyst and the writer. Each reads only the words that reached it and keeps the
 * constraints that it can hear in them; nothing here knows by which way the words came.
 */

import { measure, type Observation, worstFirst } from './measure.ts'
import { hear } from './request.ts'
import { isTestFile, type SourceFile } from './sources.ts'
import {
  type LeftOut,
  readFilesRead,
  readLeftOut,
  readStatements,
  sayFilesRead,
  sayFinding,
  sayLeftOut,
  sayObservation,
} from './statements.ts'

/** A researcher stops somewhere: so many of each measure, the worst of them. */
const most_of_a_measure = 12
/** So many of the choices against something are worth telling. */
const most_left_out = 5

export type Research = { observations: Observation[]; said: string[]; files_read: number; progress: string }

/** Measures the files and says what it found. */
export function research(words: string, files: readonly SourceFile[]): Research {
  const heard = hear(words)
  const wanted = files.filter(({ path }) => !(heard.has('scope') && isTestFile(path)))
  const counts = new Map<string, number>()
  const observations = measure(wanted).filter(({ measure: key }) => {
    if (heard.has('silence') && key === 'Long line') return false
    counts.set(key, (counts.get(key) ?? 0) + 1)
    return (counts.get(key) ?? 0) <= most_of_a_measure
  })
  const progress = sayFilesRead(wanted.length)
  return { observations, said: [...observations.map(sayObservation), progress], files_read: wanted.length, progress }
}

export type Analysis = {
  findings: Observation[]
  left_out: LeftOut[]
  decision: { decision: string; reason: string; rejected: string[] }
  said: string[]
}

/** Ranks the observations it can read and chooses among them, with its reasons. */
export function analyse(words: string): Analysis {
  const heard = hear(words)
  const findings: Observation[] = []
  const left_out: LeftOut[] = []
  for (const item of readStatements(words).sort(worstFirst)) {
    const because = reasonAgainst(item, findings, heard)
    if (because === undefined) findings.push(item)
    else left_out.push({ what: item.what, where: `${item.path}:${item.line}`, because })
  }
  const told = left_out.slice(0, most_left_out)
  const rejected = told.map(sayLeftOut)
  const decision = {
    decision: `Report ${findings.length} findings in order of times over the limit`,
    reason: 'one number makes measures of different kinds comparable',
    rejected,
  }
  const said = [
    ...findings.map((item, index) => sayFinding(item, index + 1)),
    ...rejected,
    `${decision.decision}, because ${decision.reason}.`,
  ]
  return { findings, left_out: told, decision, said }
}

function reasonAgainst(
  item: Observation,
  chosen: readonly Observation[],
  heard: ReturnType<typeof hear>,
): string | undefined {
  if (heard.has('silence') && item.measure === 'Long line') return 'long lines are not asked for'
  if (heard.has('scope') && isTestFile(item.path)) return 'it is a test file'
  if (heard.has('spread') && chosen.some(({ path }) => path === item.path)) return 'its file is named already'
  if (chosen.length >= heard.max_findings) return `${chosen.length} worse ones are named already`
  return undefined
}

export type Writing = { report: string; said: string[] }

/** Writes the report from the findings it can read; where nobody chose any, from the observations as they come. */
export function write(words: string): Writing {
  const heard = hear(words)
  const statements = readStatements(words)
  const chosen = statements.filter(({ rank }) => rank !== undefined).sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
  const findings = chosen.length > 0 ? chosen : statements
  const markdown = heard.has('format')
  const count = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`
  const title = `Audit: ${count}`
  const items = findings.map(({ measure: key, what, times, limit, path, line, quote }, index) =>
    markdown
      ? `${index + 1}. **${key}** in \`${path}:${line}\`: ${what}, ${times} times the limit of ${limit}. The line begins \`${quote}\`.`
      : `${index + 1}. ${key} in ${path}:${line}: ${what}, ${times} times the limit of ${limit}. The line begins \`${quote}\`.`,
  )
  const parts = [markdown ? `# ${title}` : title, items.join('\n')]
  if (heard.has('reasons'))
    parts.push(
      [markdown ? '## Left out' : 'Left out', ...readLeftOut(words).map((item) => `- ${sayLeftOut(item)}`)].join('\n'),
    )
  const files_read = readFilesRead(words)
  if (heard.has('close')) parts.push(files_read === undefined ? 'Files read: not known.' : sayFilesRead(files_read))
  return { report: `${parts.filter(Boolean).join('\n\n')}\n`, said: [`The report has ${count}.`] }
}
