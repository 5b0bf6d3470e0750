/** What a store holds, row for row, so that two of them can be compared. */

import type { Database, Row } from '../store/database.ts'

/** The rows of each table as texts, in an order that is the same for the same rows. */
export async function rowsOf(
  database: Database,
  tables: readonly string[],
  { without = [] }: { without?: readonly string[] } = {},
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const table of tables) {
    const rows = await database.read({ sql: `select * from ${table}`, params: [] })
    found[table] = rows.map((row) => JSON.stringify(inOrder(row, without))).sort()
  }
  return found
}

const inOrder = (row: Row, without: readonly string[]) =>
  Object.entries(row)
    .filter(([name]) => !without.includes(name))
    .map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value])
    .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1))
