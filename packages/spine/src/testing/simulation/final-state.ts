/** The end of a schedule: are the envelopes what they were, and what do all rows say. */

import { digestOf, sha256 } from '../../protocol/canonical.ts'
import type { Database } from '../../store/database.ts'
import type { Violation } from './invariants.ts'
import { SIM_MAX_HOPS, simEnvelope } from './sim-envelopes.ts'

const decoder = new TextDecoder()

/** Stored bytes still match the digest they were sealed with, and no chain is longer than it may be. */
export async function wrongEnvelope(database: Database, ns: string): Promise<Violation | undefined> {
  const sql = 'select id, digest, hop, body from envelopes where ns = $1'
  for (const row of await database.read({ sql, params: [ns] })) {
    const id = String(row.id)
    const document = JSON.parse(decoder.decode(row.body as Uint8Array))
    const expected = id.startsWith('env-sim-') ? simEnvelope(Number(id.slice('env-sim-'.length))).digest : row.digest
    if (digestOf(document) !== expected || row.digest !== expected)
      return { guarantee: 'G12', what: `the bytes of ${id} are not what was sealed` }
    if (Number(row.hop) > SIM_MAX_HOPS) return { guarantee: 'G13', what: `${id} is hop ${row.hop} of ${SIM_MAX_HOPS}` }
  }
  return undefined
}

/** Who listens to the events hears of the end of a delivery once. */
export async function endedTwice(database: Database, ns: string): Promise<Violation | undefined> {
  const sql = `select delivery_id, count(*) as times from events
    where ns = $1 and type in ('delivery.complete', 'delivery.forward') group by delivery_id having count(*) > 1`
  const [row] = await database.read({ sql, params: [ns] })
  return row && { guarantee: 'G7', what: `the events say ${row.times} times that ${row.delivery_id} is completed` }
}

const tables = {
  deliveries: 'id',
  envelopes: 'id',
  breakers: 'target',
  idempotency: 'key',
}

/** Every column of every row, in order: equal when two databases hold the same. */
export async function finalState(database: Database, ns: string): Promise<string> {
  const parts: string[] = []
  for (const [table, order] of Object.entries(tables)) {
    const rows = await database.read({ sql: `select * from ${table} where ns = $1 order by ${order}`, params: [ns] })
    for (const row of rows) {
      const values = Object.keys(row)
        .sort()
        .map((name) => [name, row[name] instanceof Uint8Array ? sha256(row[name]) : row[name]])
      parts.push(JSON.stringify([table, values]))
    }
  }
  return sha256(parts.join('\n'))
}
