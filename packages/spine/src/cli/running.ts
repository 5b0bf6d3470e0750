/** The commands of whoever runs a store: the dead-letter box, what happens, cleaning and copying. */

import type { Command } from 'commander'
import { action, connected } from './commands.ts'

/** `memory-spine parked ...` */
export function addParked(parked: Command): void {
  const load = () => import('./parked.ts')
  const chosen = (command: Command) =>
    command.option('--all', 'every one that is parked').option('--target <agent>', 'with --all: of this receiver')
  parked
    .command('list')
    .description('the newest first')
    .option('--target <agent>', 'of this receiver')
    .option('--limit <n>', 'at most so many')
    .option('--after <cursor>', 'go on where a list ended')
    .action(action(connected(async (to, { flags, output }) => (await load()).listParked(to, flags, output))))
  parked
    .command('show <id>')
    .alias('get')
    .description('one of them, with every attempt and error')
    .action(action(connected(async (to, { args, output }) => (await load()).showParked(to, args[0] ?? '', output))))
  chosen(parked.command('redrive [ids...]'))
    .description('back into the queue, with fresh counts')
    .option('--deadline <time>', 'a new deadline, RFC 3339')
    .option('--extra-hops <n>', 'let a chain that was stopped at its limit go on')
    .option('--let-circle', 'let work that went in a circle go on')
    .action(
      action(
        connected(async (to, { args, flags, output }) => (await load()).redriveParked(to, listed(args), flags, output)),
      ),
    )
  chosen(parked.command('discard [ids...]'))
    .description('end them for good')
    .requiredOption('--reason <text>', 'why, for whoever asks later')
    .action(
      action(
        connected(async (to, { args, flags, output }) =>
          (await load()).discardParked(to, listed(args), flags as { reason: string }, output),
        ),
      ),
    )
}

/** Commander gives a list of arguments as one. */
const listed = (args: readonly unknown[]): string[] => (args[0] ?? []) as string[]

/** `memory-spine events`, `gc`, `migrate`, `copy` and `backup`. */
export function addRunning(program: Command): void {
  program
    .command('events')
    .description('what happens, line by line')
    .option('--after <cursor>', 'go on behind this place; default: from the oldest that is kept')
    .option('--types <list>', 'only types that begin with one of these: delivery.,breaker.opened')
    .option('--no-follow', 'end where the stream ends')
    .action(
      action(connected(async (to, { flags, output }) => (await import('./events.ts')).showEvents(to, flags, output))),
    )
  program
    .command('gc')
    .description('remove what is over and old')
    .option('--dry-run', 'only say how much that is')
    .action(
      action(
        connected(async (to, { flags, output }) => (await import('./store.ts')).collectGarbage(to, flags, output)),
      ),
    )
  program
    .command('migrate')
    .description('bring a store to the schema of this program; serve does it by itself')
    .action(action(async ({ config, output }) => (await import('./store.ts')).migrateStore(config, output)))
  program
    .command('copy')
    .description('copy a whole store into an empty one, and compare both; a copy that was ended goes on where it was')
    .requiredOption('--from <store>', 'the store that is copied, in use by nobody')
    .requiredOption('--to <store>', 'an empty file or database')
    .action(action(async ({ flags, output }) => (await import('./copy.ts')).copyCommand(flags, output)))
  program
    .command('backup')
    .description('copy the file of a SQLite store, in use or not')
    .argument('<file>', 'the copy; must not exist')
    .action(
      action(async ({ args, config, output }) =>
        (await import('./store.ts')).backupStore(args[0] ?? '', config, output),
      ),
    )
}
