/**
 * Builds the ledger's statements: one SQL text for many inputs. The inputs become a VALUES list that the body names
 * `$input`, with columns prefixed `i_`; single parameters are named too (`$now`). The padded sizes keep the number of
 * texts small, so that both databases prepare each of them once. No SQL of the ledger itself lives here.
 */
import type { Dialect, Param, Statement } from './database.ts'

type ColumnType = 'text' | 'int' | 'bytes'
type Columns = Readonly<Record<string, ColumnType>>
type ValueOf = { text: string; int: number; bytes: Uint8Array }

/** What a caller gives for the named columns; null where there is nothing. */
export type ValuesOf<C extends Columns> = { readonly [Name in keyof C]: ValueOf[C[Name]] | null }

/** Both databases are fastest at 8 to 32 rows a statement; a longer list costs SQLite half as much again. */
const max_rows = 32
const sizes = [1, 2, 4, 8, 16, max_rows]

/**
 * A statement over many inputs. `$input` in the body stands for `input(i_a, i_b) as (values ...)`, `$name` for a
 * parameter of that name, `$skip_locked`, `$events_after` and the like for the dialect's words. Lists of more than 32 become several statements, and
 * short ones are padded with all-NULL rows: an insert needs `where i_id is not null`, a join on a key does not.
 *
 *     const touch = setStatement({
 *       columns: { id: 'text' },
 *       parameters: { now: 'int' },
 *       body: `with $input update jobs set seen_at = $now from input where jobs.id = i_id returning jobs.id`,
 *     })
 *     await database.write(touch(database.dialect, [{ id: 'a' }, { id: 'b' }], { now }))
 */
export function setStatement<const C extends Columns, const P extends Columns = Record<never, never>>(shape: {
  columns: C
  parameters?: P
  body: string
}) {
  const names = Object.keys(shape.columns)
  const parameters: Columns = shape.parameters ?? {}
  const textFor = remember((dialect: Dialect, size: number) =>
    expand(dialect, shape.body, parameters, inputList(dialect, shape.columns, size), size * names.length),
  )

  return (dialect: Dialect, rows: readonly ValuesOf<C>[], ...[named]: Named<P>): Statement[] => {
    const statements: Statement[] = []
    for (let start = 0; start < rows.length; start += max_rows) {
      const slice = rows.slice(start, start + max_rows)
      const size = sizes.find((candidate) => candidate >= slice.length) ?? max_rows
      const params: Param[] = []
      for (const row of slice as Readonly<Record<string, Param>>[])
        for (const name of names) params.push(row[name] ?? null)
      for (let missing = (size - slice.length) * names.length; missing > 0; missing -= 1) params.push(null)
      statements.push({ sql: textFor(dialect, size), params: [...params, ...paramsOf(parameters, named)] })
    }
    return statements
  }
}

/** A statement without a list of inputs; `$name` and `$skip_locked` as in `setStatement`. */
export function namedStatement<const P extends Columns = Record<never, never>>(shape: {
  parameters?: P
  body: string
}) {
  const parameters: Columns = shape.parameters ?? {}
  const textFor = remember((dialect: Dialect) => expand(dialect, shape.body, parameters))
  return (dialect: Dialect, ...[named]: Named<P>): Statement => ({
    sql: textFor(dialect, 0),
    params: paramsOf(parameters, named),
  })
}

/** The argument is left out where no parameter is named. */
type Named<P extends Columns> = keyof P extends never ? [] : [named: ValuesOf<P>]

function paramsOf(parameters: Columns, named: Readonly<Record<string, Param>> = {}): Param[] {
  return Object.keys(parameters).map((name) => named[name] ?? null)
}

/** `input(i_a, i_b) as (values (cast($1 as text), ...), ($3, $4), ...)`: the casts of the first row type all of them. */
function inputList(dialect: Dialect, columns: Columns, size: number): string {
  const types = Object.values(columns)
  const row = (index: number) => {
    const cells = types.map((type, column) => {
      const place = `$${index * types.length + column + 1}`
      return index === 0 ? cast(dialect, place, type) : place
    })
    return `(${cells.join(',')})`
  }
  const names = Object.keys(columns).map((name) => `i_${name}`)
  return `input(${names.join(',')}) as (values ${Array.from({ length: size }, (_, index) => row(index)).join(',')})`
}

/**
 * A cast wherever a parameter stands spares the body the question what PostgreSQL would infer there. The parameters come
 * behind the places of the list.
 */
function expand(dialect: Dialect, body: string, parameters: Columns, input?: string, places = 0): string {
  const names = Object.keys(parameters)
  const meaning = (name: string): string => {
    const type = parameters[name]
    if (type !== undefined) return cast(dialect, `$${places + names.indexOf(name) + 1}`, type)
    if (name === 'skip_locked') return dialect.skip_locked.trim()
    if (name.startsWith('events_')) return inWords(dialect.events[name.slice(7) as keyof Dialect['events']])
    if (name === 'input' && input !== undefined) return input
    throw new TypeError(`The statement names $${name}, which is no parameter of it: ${body}`)
  }
  const inWords = (text: string): string => text.replaceAll(/\$([a-z_]+)/g, (_, name: string) => meaning(name))
  return inWords(body.trim())
}

function cast(dialect: Dialect, place: string, type: ColumnType): string {
  return `cast(${place} as ${{ text: 'text', int: 'bigint', bytes: dialect.bytes }[type]})`
}

function remember(make: (dialect: Dialect, size: number) => string) {
  const texts = new Map<string, string>()
  return (dialect: Dialect, size: number): string => {
    const key = `${dialect.name} ${size}`
    const text = texts.get(key) ?? make(dialect, size)
    texts.set(key, text)
    return text
  }
}
