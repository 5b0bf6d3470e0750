/**
 * Where finished deliveries go on a database of many nodes: out of the table that everybody works on, into one
 * partition for each day on which they ended. Old days are dropped whole, which leaves no dead rows behind. On SQLite
 * nothing is moved: there the archive is empty, and `all_deliveries` are the deliveries.
 */

import type { Dialect, Statement } from './database.ts'
import { row } from './delivery-row.ts'
import { namedStatement, setStatement } from './values.ts'

export const DAY_MS = 86_400_000

/** A delivery stays where it is for so long after its end: a repeat of its last call finds it there. */
export const ARCHIVE_AFTER_MS = 600_000

export function archiveTables({ name }: Dialect): string[] {
  if (name === 'sqlite')
    return [
      `create view archived_deliveries as select * from deliveries where false`,
      `create view all_deliveries as select * from deliveries`,
    ]
  return [
    `create table archived_deliveries (like deliveries) partition by range (settled_at)`,
    `create index archived_by_id on archived_deliveries (ns, id)`,
    `create index archived_once on archived_deliveries (ns, envelope_id, target)`,
    `create index archived_by_channel on archived_deliveries (ns, channel, envelope_id) where channel is not null`,
    `create view all_deliveries as select * from deliveries union all select * from archived_deliveries`,
    // Rows here change a few times within seconds and are then moved away: what is dead is cleared at once.
    `alter table deliveries set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0, fillfactor = 70)`,
    `alter table breakers set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, fillfactor = 50)`,
    // Deleted only when they are old, by age: a large table must not wait until a fifth of it is dead.
    ...['events', 'idempotency', 'envelopes'].map(
      (table) => `alter table ${table} set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000)`,
    ),
    // Kept as they are: compressing them costs more than it saves.
    `alter table envelopes alter column body set storage external`,
  ]
}

const archived = row.replaceAll('deliveries.', 'archived_deliveries.')

export const archivedById = setStatement({
  columns: { ns: 'text', id: 'text' },
  body: `with $input select ${archived} from archived_deliveries join input on ns = i_ns and id = i_id`,
})

/** Those that an envelope has had with these receivers, with the digest of the envelope that holds the id. */
export const archivedSent = setStatement({
  columns: { ns: 'text', envelope_id: 'text', target: 'text' },
  body: `with $input select ${archived},
      (select digest from envelopes where envelopes.ns = i_ns and envelopes.id = i_envelope_id) as digest
    from input join archived_deliveries on ns = i_ns and envelope_id = i_envelope_id and target = i_target`,
})

/** The days on which the next deliveries to be moved have ended. */
export const daysToArchive = namedStatement({
  parameters: { before: 'int', limit: 'int' },
  body: `select distinct settled_at / ${DAY_MS} as day from (select settled_at from deliveries
    where settled_at <= $before order by settled_at limit $limit) as next`,
})

/** Moves deliveries whose days have their partitions. PostgreSQL only. */
export const archiveDeliveries = namedStatement({
  parameters: { before: 'int', limit: 'int' },
  body: `with pick as materialized (select ns, id from deliveries where settled_at <= $before
      order by settled_at limit $limit $skip_locked),
    gone as (delete from deliveries using pick where deliveries.ns = pick.ns and deliveries.id = pick.id
      returning deliveries.*)
    insert into archived_deliveries select gone.* from gone returning id`,
})

const PARTITION = 'archived_deliveries_day_'

/** `day` counts from 1970. */
export const addDay = (day: number): Statement => ({
  sql: `create table if not exists ${PARTITION}${day} partition of archived_deliveries
    for values from (${day * DAY_MS}) to (${(day + 1) * DAY_MS})`,
  params: [],
})

export const dropDay = (day: number): Statement => ({ sql: `drop table if exists ${PARTITION}${day}`, params: [] })

/** The days that have a partition. */
export const archivedDays = namedStatement({
  body: `select cast(replace(relname, '${PARTITION}', '') as bigint) as day from pg_class
    join pg_inherits on pg_inherits.inhrelid = pg_class.oid
    where pg_inherits.inhparent = cast('archived_deliveries' as regclass) order by day`,
})

export const countArchived = namedStatement({
  parameters: { before: 'int' },
  body: `select count(*) as n from archived_deliveries where settled_at < $before`,
})
