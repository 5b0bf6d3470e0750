/** The embedded entry: a spine in this process, on a database of its own. */

export { type Chance, type Clock, systemChance, systemClock } from './service/clock.ts'
export { createSpine, type SpineOptions } from './service/spine.ts'
export { traced } from './service/tracing.ts'
export { openPostgres, type PostgresOptions } from './store/postgres.ts'
export { openSqlite, type SqliteOptions } from './store/sqlite.ts'
