/** What the user asks for, in the user's words, and how an agent hears a constraint in a text that reaches it. */

export type ConstraintName =
  | 'count'
  | 'order'
  | 'scope'
  | 'citation'
  | 'spread'
  | 'silence'
  | 'format'
  | 'reasons'
  | 'close'

type Stated = {
  /** As the user put it. */
  says: string
  /** The words by which an agent knows it: the agents understand these and nothing cleverer. */
  heard: RegExp
}

export const stated: Readonly<Record<ConstraintName, Stated>> = Object.freeze({
  count: { says: 'Report at most 5 findings', heard: /at most (\d+) findings/i },
  order: { says: 'Put the worst first', heard: /worst first/i },
  scope: { says: 'Leave out test files', heard: /leave out test files/i },
  citation: { says: 'Cite file and line for each', heard: /cite file and line/i },
  spread: { says: 'Name no file twice', heard: /no file twice/i },
  silence: { says: 'Do not report long lines', heard: /not report long lines/i },
  format: { says: 'Write it as markdown', heard: /as markdown/i },
  reasons: { says: 'Say what was left out and why', heard: /what was left out and why/i },
  close: { says: 'Close with the number of files read', heard: /number of files read/i },
})

const constraintNames = Object.keys(stated) as ConstraintName[]

export const request = `Audit the sources of this program for code that will be hard to change. ${constraintNames.map((key) => `${stated[key].says}.`).join(' ')}`

/** The same as a map, as a caller of agentHandoff() gives them. */
export const constraints: Readonly<Record<ConstraintName, string>> = Object.freeze(
  Object.fromEntries(constraintNames.map((key) => [key, stated[key].says])) as Record<ConstraintName, string>,
)

export type Heard = {
  has(key: ConstraintName): boolean
  /** The number in "at most N findings". */
  max_findings: number
}

/** What can be heard of the constraints in a text. What is not there is not known. */
export function hear(words: string): Heard {
  const known = new Set(constraintNames.filter((key) => stated[key].heard.test(words)))
  const count = stated.count.heard.exec(words)?.[1]
  return { has: (key) => known.has(key), max_findings: count === undefined ? Number.POSITIVE_INFINITY : Number(count) }
}
