/**
 * Known bugs, put back: the simulation must see each of them, or its silence means nothing. They live between the
 * engine and its database and are made by rewriting statements on their way, so that the engine itself has no switch.
 * A text that is not found any more fails loudly: then the statement has changed, and the bug is to be put back anew.
 */

import type { Batch, Database, Row, Statement } from '../../store/database.ts'
import { openSqliteInline } from '../../store/sqlite.ts'
import type { OpenDatabase } from './schedule.ts'

export type Mutation = {
  /** What the bug is. */
  name: string
  wrap(database: Database): Database
  /** For bugs of the disk. */
  open?: () => OpenDatabase
  /** How many statements it changed. */
  changed(): number
}

/** A mutation of statement texts: in every text that has `mark`, each `from` becomes its `to`. */
function rewrite(
  name: string,
  mark: string,
  ...replacements: readonly (readonly [from: string | RegExp, to: string])[]
): Mutation {
  const texts = new Map<string, string>()
  let count = 0
  const rewritten = (sql: string): string => {
    const known = texts.get(sql)
    if (known !== undefined) return known
    let text = sql
    if (sql.includes(mark))
      for (const [from, to] of replacements) {
        const parts = text.split(from)
        if (parts.length === 1) throw new Error(`${name}: "${from}" is not in the statement any more:\n${sql}`)
        text = parts.join(to)
      }
    if (text !== sql) count += 1
    texts.set(sql, text)
    return text
  }
  const change = (statement: Statement): Statement => ({ ...statement, sql: rewritten(statement.sql) })
  return {
    name,
    wrap: (database) => ({
      ...database,
      write: (batch) => database.write(batch.map(change)),
      read: (statement) => database.read(change(statement)),
    }),
    changed: () => count,
  }
}

/** A mutation of whole batches. */
function rebatch(
  name: string,
  write: (database: Database, batch: Batch, change: () => void) => Promise<Row[][]>,
): Mutation {
  let count = 0
  const change = () => {
    count += 1
  }
  return {
    name,
    wrap: (database) => ({ ...database, write: (batch) => write(database, batch, change) }),
    changed: () => count,
  }
}

/** Parts of the statements that the mutations look for. */
const settling = 'state = case i_action when'
const claiming = `set state = 'leased', epoch = epoch + 1`
const sending = 'insert into deliveries('
const leaseEnd = `last = 'lease_end', reason`

/** The rows of a list, one statement each, in commits of their own. */
const columns_of_a_send = 21
const parameters_of_a_send = 3

const oneByOne = ({ sql, params }: Statement): Statement[] => {
  const places = params.length - parameters_of_a_send
  const rows: Statement[] = []
  for (let at = 0; at < places; at += columns_of_a_send) {
    const only = params.map((value, index) =>
      index >= places || (index >= at && index < at + columns_of_a_send) ? value : null,
    )
    rows.push({ sql, params: only })
  }
  return rows
}

export const mutations = (): Mutation[] => [
  rewrite('no fencing by token', settling, ['deliveries.token = i_token', 'i_token is not null']),
  rewrite('an attempt is counted twice', settling, [
    `attempts = attempts + case when accepted_epoch < epoch and i_action not in ('heartbeat', 'release') then 1`,
    `attempts = attempts + case when accepted_epoch < epoch and i_action not in ('heartbeat', 'release') then 2`,
  ]),
  rewrite('claims are not counted', claiming, ['claims = claims + 1', 'claims = claims']),
  rewrite('a claim does not begin a new epoch', claiming, ['epoch = epoch + 1', 'epoch = epoch']),
  rewrite('the lease of a living receiver is ended', leaseEnd, [
    'lease_until <= cast($1 as bigint)',
    'lease_until - 20000 <= cast($1 as bigint)',
  ]),
  rewrite('a claim ignores the deadline', claiming, [/and deadline > cast\(\$\d+ as bigint\)/, '']),
  rewrite('a claim ignores the backoff', claiming, [/and ready_at <= cast\(\$\d+ as bigint\)/, '']),
  rewrite('a redrive takes what is no longer parked', `last = 'redrive'`, [
    `state = 'parked'`,
    `state in ('parked', 'ready')`,
  ]),
  rewrite('a redrive keeps the counts', `last = 'redrive'`, ['attempts = 0', 'attempts = attempts']),
  rewrite('a key does not ask for the same body', 'insert into idempotency(', [
    'on conflict (ns, key) do nothing',
    'on conflict (ns, key) do update set hash = excluded.hash',
  ]),
  rewrite('a completed delivery keeps its lease, which then ends', settling, [
    `lease_until = case when i_action in ('accept', 'heartbeat')`,
    `lease_until = case when i_action in ('accept', 'heartbeat', 'complete')`,
  ]),
  rewrite('a release counts its claim', settling, [
    `when i_action = 'release' then 1`,
    `when i_action = 'release' then 0`,
  ]),
  rewrite('a nack ignores that the attempts are spent', settling, [
    '(claims >= max_claims or attempts',
    '(claims >= max_claims and attempts',
  ]),
  rewrite('a nack comes back at once', settling, [
    "ready_at = case when i_action = 'nack_retry' then",
    "ready_at = case when i_action = 'nack_retry' then 0 *",
  ]),
  rewrite('a heartbeat extends past the deadline', settling, [
    'when lease_until > deadline then lease_until else deadline end',
    'else deadline + 60000 end',
  ]),
  rewrite('a lease that ended is not handed out again', leaseEnd, [`else 'ready' end,`, `else 'accepted' end,`]),
  rewrite('a clock that was set back keeps its leases', 'case when lease_until - lease_ms >', [
    /then cast\(\$1 as bigint\) \+ lease_ms/,
    'then lease_until',
  ]),
  rewrite('a sender takes back what was accepted', `last = 'cancel', lease_until = null`, [
    `state in ('ready', 'leased')`,
    `state in ('ready', 'leased', 'accepted')`,
  ]),
  rewrite('a breaker hands out a probe to everybody', `update breakers set state = 'half_open'`, [
    `state = 'open' and`,
    `state in ('open', 'half_open') and`,
  ]),
  rewrite('a breaker never opens', 'breakers.failures + 1', ["then 'open' else", "then 'closed' else"]),
  rewrite('what follows is sent whether its predecessor ended or not', 'as before', [
    /before\.successor = i_(?:successor|id)/,
    'before.id = i_after',
  ]),
  rebatch('receivers of a publication are stored one by one', async (database, batch, change) => {
    const at = batch.findIndex(
      ({ sql, params }) => sql.includes(sending) && params.length > parameters_of_a_send + columns_of_a_send,
    )
    if (at < 0) return database.write(batch)
    change()
    for (const row of oneByOne(batch[at] as Statement)) await database.write([...batch.slice(0, at), row])
    return database.write(batch)
  }),
  rebatch('the next delivery is sent in a commit of its own', async (database, batch, change) => {
    const at = batch.findIndex(({ sql }) => sql.includes(sending))
    if (at < 1 || !batch[0]?.sql.includes(`last = 'forward'`)) return database.write(batch)
    change()
    return [...(await database.write(batch.slice(0, 1))), ...(await database.write(batch.slice(1)))]
  }),
  forgetful(),
  rebatch('a sweep touches what is over', (database, batch, change) => {
    if (!batch.some(({ sql }) => sql.includes(leaseEnd))) return database.write(batch)
    change()
    const sql = `update deliveries set priority = 3 - priority where state = 'completed'`
    return database.write([...batch, { sql, params: [] }])
  }),
  rebatch('an envelope is changed when it is stored', (database, batch, change) => {
    const damaged = batch.map((statement) => {
      if (!statement.sql.includes('insert into envelopes(')) return statement
      change()
      return { ...statement, params: statement.params.map(damage) }
    })
    return database.write(damaged)
  }),
]

/** The summary of an envelope, a letter of it. */
function damage(value: Statement['params'][number]): Statement['params'][number] {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(Buffer.from(value).toString().replace('"summary":"Part', '"summary":"Port'))
}

/** A disk that says "stored" too early: what was written last is gone when the server is started again. */
function forgetful(): Mutation {
  let count = 0
  return {
    name: 'what was answered last is not on the disk yet when the server dies',
    wrap: (database) => database,
    changed: () => count,
    open: () => {
      const written: Batch[] = []
      let database: Database | undefined
      return async () => {
        if (database) {
          count += 1
          written.pop()
        }
        const store = openSqliteInline()
        for (const batch of written) await store.write(batch).catch(() => {})
        database = {
          ...store,
          write(batch) {
            written.push(batch)
            return store.write(batch)
          },
        }
        return database
      }
    },
  }
}
