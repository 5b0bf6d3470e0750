/**
 * Fills the archive of a PostgreSQL store with finished deliveries and their envelopes, copies of one that is there,
 * spread over the days of a month; and says what a run costs the database, in rows and in log.
 */

import { asked } from '../packages/spine/src/testing/postgres/database.ts'

const DAYS = 30
const DAY_MS = 86_400_000
/** Rows of one statement. */
const STEP = 50_000

/** `count` rows of each; their ids sort before every real one. */
export async function fillArchive(url: string, count: number): Promise<void> {
  const columnsOf = async (table: string, replaced: Readonly<Record<string, string>>) => {
    const rows = await asked(url, `select column_name from information_schema.columns where table_name = '${table}'`)
    const names = rows.map(({ column_name }) => String(column_name))
    return [names.join(', '), names.map((name) => replaced[name] ?? `one.${name}`).join(', ')] as const
  }
  const envelope_id = `'env_0' || lpad(to_hex(n), 27, '0')`
  // Small ones: what matters here is how many there are.
  const envelope = await columnsOf('envelopes', { id: envelope_id, root_id: envelope_id, body: `'\\x00'::bytea` })
  const settled_at = `one.settled_at - (n % ${DAYS}) * ${DAY_MS}::bigint`
  const delivery = await columnsOf('deliveries', { id: `'dlv_0' || lpad(to_hex(n), 27, '0')`, envelope_id, settled_at })
  const today = Math.floor(Date.now() / DAY_MS)
  for (let day = today - DAYS - 1; day <= today; day += 1)
    await asked(
      url,
      `create table if not exists archived_deliveries_day_${day} partition of archived_deliveries
        for values from (${day * DAY_MS}) to (${(day + 1) * DAY_MS})`,
    )
  for (let from = 0; from < count; from += STEP) {
    const numbers = `generate_series(${from}, ${Math.min(from + STEP, count) - 1}) as n`
    // Without triggers: these events are long over.
    await asked(
      url,
      `set session_replication_role = replica;
      insert into envelopes(${envelope[0]}) select ${envelope[1]}
        from (select * from envelopes order by id desc limit 1) as one, ${numbers};
      insert into archived_deliveries(${delivery[0]}) select ${delivery[1]}
        from (select * from deliveries where settled_at is not null limit 1) as one, ${numbers}`,
    )
  }
  await asked(url, 'vacuum analyze')
  await asked(url, 'checkpoint')
}

export type Cost = { wal_bytes: number; inserted: number; updated: number; commits: number }

/** What the database has done so far; the difference of two of them is the cost of what lies between. */
export async function costSoFar(url: string): Promise<Cost> {
  // Counts of other connections arrive a moment after they are made.
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const rows = await asked(
    url,
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal_bytes, tup_inserted::float8 as inserted,
      tup_updated::float8 as updated, xact_commit::float8 as commits from pg_stat_database where datname = current_database()`,
  )
  return rows[0] as Cost
}
