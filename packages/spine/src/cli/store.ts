/** `memory-spine gc`, `migrate` and `backup`: what a store needs from the person who runs it. */

import { retentionDefaults } from '../protocol/retention.ts'
import { type ConfigInForce, UsageError } from './config.ts'
import type { Connection } from './connection.ts'
import { openStore, storeFile } from './local-server.ts'
import { type Output, table } from './output.ts'

const DAY_MS = 86_400_000
const days = (ms: number) => `${Math.round(ms / DAY_MS)} d`

export async function collectGarbage(
  { client, options }: Connection,
  { dryRun }: { dryRun?: boolean },
  output: Output,
): Promise<number> {
  const swept = await client.spine.system.gc({ dry_run: dryRun === true }, options)
  const rows: [string, string, number][] = [
    ['deliveries that ended', days(retentionDefaults.settled_ms), swept.deliveries],
    ['parked, to be discarded', days(retentionDefaults.parked_ms), swept.parked],
    ['envelopes of chains that are over', days(retentionDefaults.envelopes_ms), swept.envelopes],
    ['events', days(retentionDefaults.events_ms), swept.events],
    ['idempotency keys', days(retentionDefaults.keys_ms), swept.keys],
  ]
  output.say(
    table(
      ['what', 'kept for', swept.dry_run ? 'would go' : 'gone'],
      rows.map(([what, kept, count]) => [what, kept, String(count)]),
    ),
  )
  if (swept.dry_run) output.say('Nothing was removed. A server does this by itself every ten minutes.')
  output.answer(swept)
  return 0
}

export async function backupStore(destination: string, { values }: ConfigInForce, output: Output): Promise<number> {
  if (!values.store.startsWith('sqlite:'))
    throw new UsageError('backup copies the file of a SQLite store. For PostgreSQL use pg_dump or a base backup.')
  const { BackupPathError, backupSqlite } = await import('../store/sqlite-backup.ts')
  const file = storeFile(values.store)
  output.progress(`Copying ${file} to ${destination}...`)
  const { bytes, schema_version } = await backupSqlite(file, destination).catch((error) => {
    throw error instanceof BackupPathError ? new UsageError(error.message) : error
  })
  output.say(`${destination}: ${(bytes / 1_048_576).toFixed(1)} MB, checked, schema version ${schema_version}.`)
  output.say(`To go back to it: memory-spine serve --store sqlite:${destination}`)
  output.answer({ file: destination, bytes, schema_version })
  return 0
}

/** Safe while nodes are at work: each migration is one transaction, and of several starters one applies it. */
export async function migrateStore({ values }: ConfigInForce, output: Output): Promise<number> {
  const [{ migrate }, { migrations }] = await Promise.all([
    import('../store/migrations.ts'),
    import('../store/schema.ts'),
  ])
  const { database } = await openStore(values.store)
  try {
    const applied = await migrate(database, migrations, Date.now())
    const schema_version = migrations.at(-1)?.version ?? 0
    output.say(
      applied.length > 0
        ? `Applied ${applied.join(', ')}: the store has schema version ${schema_version}.`
        : `Nothing to do: the store has schema version ${schema_version}.`,
    )
    output.answer({ applied, schema_version })
    return 0
  } finally {
    await database.close()
  }
}
