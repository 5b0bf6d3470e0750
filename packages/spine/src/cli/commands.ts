/** How a command runs, and the commands over memories and handoffs: their arguments, flags and descriptions. */

import type { Command } from 'commander'
import { type ConfigInForce, readConfig, UsageError } from './config.ts'
import type { Connection } from './connection.ts'
import { createOutput, type Output } from './output.ts'

type Flags = Record<string, unknown>
type Run = (parts: {
  config: ConfigInForce
  output: Output
  flags: Flags
  args: (string | undefined)[]
}) => Promise<number> | number

/** Commander calls an action with its arguments, then its flags, then the command itself. */
export const action =
  (run: Run) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command
    const flags = command.optsWithGlobals<Flags>()
    const args = given.slice(0, -2) as string[]
    refuseEmpty(command, flags, args)
    const output = createOutput(flags.json === true)
    process.exitCode = await run({
      config: readConfig(flags, process.env),
      output,
      flags,
      args,
    })
  }

/** An empty variable of the shell is no choice: `--target "$AGENT"` without an agent must not mean all of them. */
function refuseEmpty(command: Command, flags: Flags, args: readonly unknown[]): void {
  const refuse = (name: string | undefined, given: unknown) => {
    if ([given].flat().includes('')) throw new UsageError(`${name} is empty: give a value.`)
  }
  for (let taker: Command | null = command; taker; taker = taker.parent)
    for (const option of taker.options) refuse(option.long, flags[option.attributeName()])
  for (const [index, argument] of command.registeredArguments.entries()) refuse(argument.name(), args[index])
}

/** A command that needs a spine; the spine is closed when it is done. */
export const connected =
  (run: (connection: Connection, parts: Parameters<Run>[0]) => Promise<number>, { create = false } = {}): Run =>
  async (parts) => {
    const { openConnection } = await import('./connection.ts')
    await using connection = await openConnection(parts.config, { create })
    return await run(connection, parts)
  }

/** `memory-spine handoffs ...` */
export function addHandoffs(handoffs: Command): void {
  const load = () => import('./handoffs.ts')
  handoffs
    .command('list')
    .description('the newest first')
    .option('--task <id>', 'of this task')
    .option('--root <id>', 'of the chain with this root')
    .option('--from <agent>', 'sealed by this agent')
    .option('--to <agent>', 'for this agent')
    .option('--limit <n>', 'at most so many')
    .option('--after <cursor>', 'go on where a list ended')
    .action(
      action(
        connected(async (connection, { flags, output }) => (await load()).listHandoffs(connection, flags, output)),
      ),
    )
  handoffs
    .command('get <id>')
    .description('the envelope as its receiver reads it')
    .action(
      action(
        connected(async (connection, { args, output }) => (await load()).getHandoff(connection, args[0] ?? '', output)),
      ),
    )
  handoffs
    .command('status <id>')
    .description('where its deliveries are')
    .action(
      action(
        connected(async (connection, { args, output }) =>
          (await load()).handoffStatus(connection, args[0] ?? '', output),
        ),
      ),
    )
  handoffs
    .command('lineage <id>')
    .description('the chain that led to it, root first')
    .action(
      action(
        connected(async (connection, { args, output }) =>
          (await load()).handoffLineage(connection, args[0] ?? '', output),
        ),
      ),
    )
}

/** The commands that look into an envelope and along a chain. */
export function addFidelity(handoffs: Command): void {
  handoffs
    .command('preview [id]')
    .description('what would travel for other budgets and strategies: of an envelope, or of a handoff to come')
    .option('--budgets <list>', 'tokens, with commas; default: around the budget in force')
    .option('--strategies <list>', 'priority, summary_refs, lazy, full_dump, with commas')
    .option('--to <agent>', 'of a handoff to come: its receiver')
    .option('--summary <text>', 'of a handoff to come: what the receiver must do')
    .option('--task <id>', 'of a handoff to come: its task')
    .action(
      action(
        connected(async (connection, { args, flags, output }) =>
          (await import('./preview.ts')).previewHandoff(connection, args[0], flags, output),
        ),
      ),
    )
  handoffs
    .command('diff <a> <b>')
    .description('what of envelope a survives in envelope b, hop by hop')
    .action(
      action(
        connected(async (connection, { args, output }) =>
          (await import('./fidelity.ts')).diffHandoffs(connection, args[0] ?? '', args[1] ?? '', output),
        ),
      ),
    )
}

/** `memory-spine memories ...` */
export function addMemories(memories: Command): void {
  const load = () => import('./memories.ts')
  memories
    .command('list')
    .description('the newest first')
    .option('--task <id>', 'of this task')
    .option('--kind <kind>', 'fact, decision, message, reasoning, tool_result or note')
    .option('--pinned', 'only pinned ones')
    .option('--limit <n>', 'at most so many')
    .option('--after <cursor>', 'go on where a list ended')
    .action(
      action(
        connected(async (connection, { flags, output }) => (await load()).listMemories(connection, flags, output)),
      ),
    )
  memories
    .command('get <id>')
    .description('a memory with its content')
    .option('--at-version <n>', 'an older version')
    .action(
      action(
        connected(async (connection, { args, flags, output }) =>
          (await load()).getMemory(connection, args[0] ?? '', flags.atVersion as string | undefined, output),
        ),
      ),
    )
  memories
    .command('search <query>')
    .description('the memories that matter for a question, best first')
    .option('--task <id>', 'of this task')
    .option('--kind <kind>', 'of this kind')
    .option('--limit <n>', 'at most so many')
    .option('--max-tokens <n>', 'within so many tokens')
    .action(
      action(
        connected(async (connection, { args, flags, output }) =>
          (await load()).searchMemories(connection, args[0] ?? '', flags, output),
        ),
      ),
    )
  memories
    .command('store [content]')
    .description('store a memory; a known id makes a new version')
    .option('--file <path>', 'take the content from a file')
    .option('--id <id>', 'its id; default: the next ms-<n>')
    .option('--title <text>')
    .option('--kind <kind>', 'fact, decision, message, reasoning, tool_result or note')
    .option('--tag <tag...>')
    .option('--priority <priority>', 'low, normal, high or critical')
    .option('--task <id>', 'the task it belongs to')
    .option('--pin', 'put it into every envelope of its task, or of all tasks when it has none')
    .action(
      action(
        connected(
          async (connection, { args, flags, config, output }) =>
            (await load()).storeMemory(connection, args[0], flags, config.values.agent, output),
          {
            create: true,
          },
        ),
      ),
    )
}

/** `memory-spine agents ...` */
export function addAgents(agents: Command): void {
  agents
    .command('reset-breaker <name>')
    .description('close the breaker of an agent by hand')
    .action(
      action(
        connected(async (connection, { args, output }) =>
          (await import('./health.ts')).resetBreaker(connection, args[0] ?? '', output),
        ),
      ),
    )
}

/** `memory-spine health` and `memory-spine alerts ...` */
export function addHealth(program: Command): void {
  const load = () => import('./health.ts')
  program
    .command('health')
    .description('how it stands, in words and figures; exit code 1 when something is critical')
    .option('--window <window>', 'look back over 5m, 1h or 24h', '1h')
    .option('--target <agent>', 'only handoffs to this agent')
    .action(
      action(connected(async (connection, { flags, output }) => (await load()).showHealth(connection, flags, output))),
    )
  const alerts = program.command('alerts').description('what somebody should look at, and what to do')
  alerts
    .command('list', { isDefault: true })
    .description('the newest first')
    .option('--all', 'resolved ones, too')
    .option('--limit <n>', 'at most so many')
    .action(
      action(connected(async (connection, { flags, output }) => (await load()).listAlerts(connection, flags, output))),
    )
  alerts
    .command('acknowledge <id>')
    .description('say that you are on it (--agent is your name)')
    .option('--note <text>', 'what you do about it')
    .action(
      action(
        connected(async (connection, { args, flags, config, output }) =>
          (await load()).acknowledgeAlert(connection, args[0] ?? '', flags, config.values, output),
        ),
      ),
    )
  alerts
    .command('silence <id>')
    .description('tell webhooks nothing of this rule and target for a while')
    .option('--for <time>', 'how long, like 30m, 2h or 1d; 0 ends it', '1h')
    .action(
      action(
        connected(async (connection, { args, flags, output }) =>
          (await load()).silenceAlert(connection, args[0] ?? '', flags, output),
        ),
      ),
    )
}
