/**
 * The `memory-spine` program: its commands, their flags, how failures are said, and its exit codes (0 done, 1 failed,
 * 2 called wrongly). Each command is loaded when it runs, so that `--help` and `config` answer at once.
 */

import { Command, CommanderError } from 'commander'
import { SpineError, toProblem } from '../protocol/errors.ts'
import { action, addAgents, addFidelity, addHandoffs, addHealth, addMemories } from './commands.ts'
import { settingNames, settings, UsageError } from './config.ts'
import { createOutput } from './output.ts'
import { addParked, addRunning } from './running.ts'
import { version } from './version.ts'

const takeServerFlags = (command: Command): Command => {
  for (const key of settingNames) {
    const { flag, scope, what } = settings[key]
    if (flag && scope === 'server') command.option(flag, describe(key, what))
  }
  return command
}

const describe = (key: keyof typeof settings, what: string) =>
  `${what} (${settings[key].variable}${settings[key].default ? `, default ${settings[key].default}` : ''})`

function createProgram(): Command {
  const program = new Command('memory-spine')
    .description('Hand-overs between AI agents as sealed, budgeted, delivered envelopes.')
    .version(version)
    .option('--json', 'print the answer as JSON on the last line of standard output')
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    // Each command takes them, so each says them.
    .configureHelp({ showGlobalOptions: true })
  for (const key of settingNames) {
    const { flag, scope, what } = settings[key]
    if (flag && scope === 'client') program.option(flag, describe(key, what))
  }

  takeServerFlags(program.command('serve').description('serve a store over HTTP')).action(
    action(async ({ config, output }) => (await import('./serve.ts')).serve(config, output)),
  )
  program
    .command('demo')
    .description('four agents audit source files: handed over by envelopes, and by summaries')
    .argument('[folder]', "whose files; default: this program's own")
    .option('--sentences <n>', 'sentences of each summary', '3')
    .option('--max-tokens <n>', 'budget of each envelope in tokens', '2000')
    .option('--keep <file>', 'leave the store of the chain in this file, to look at it afterwards')
    .action(action(async ({ output, flags, args }) => (await import('./demo/demo.ts')).demo(args[0], flags, output)))
  program
    .command('replay')
    .description('play recorded multi-agent runs through a server')
    .argument('<file.jsonl>', 'one trace per line: {id, task, constraints, turns, handoffs}')
    .option('--concurrency <n>', 'traces at once', '8')
    .option('--max-tokens <n>', 'budget of each envelope in tokens; default: the server decides')
    .action(
      action(async ({ config, output, flags, args }) =>
        (await import('./replay/replay.ts')).replay(args[0] ?? '', flags, config, output),
      ),
    )
  program
    .command('load')
    .description(
      'hand over as fast as many senders can, and say how the server took it: the one of --endpoint, else one of its ' +
        'own with a temporary store, also where SPINE_ENDPOINT is set',
    )
    .option('--concurrency <n>', 'senders at once', '100')
    .option('--duration <seconds>', 'how long', '30')
    .option('--max-handoffs <n>', 'end when so many were begun', '100000')
    .action(action(async ({ config, output, flags }) => (await import('./load.ts')).load(flags, config, output)))
  addParked(program.command('parked').description('the dead-letter box: look, redrive, discard'))
  addRunning(program)
  program
    .command('mcp')
    .description('serve the tools of a model over standard input and output (Model Context Protocol)')
    .action(action(async ({ config }) => (await import('./mcp.ts')).serveMcp(config)))
  const handoffs = program.command('handoffs').description('look at what was handed over')
  addHandoffs(handoffs)
  addFidelity(handoffs)
  program
    .command('schema')
    .description('print the JSON Schema of the envelope')
    .option('--envelope <major>', 'version of the envelope: 1 or 2', '2')
    .action(
      action(async ({ flags, output }) => (await import('./schema.ts')).printSchema(String(flags.envelope), output)),
    )
  addHealth(program)
  addMemories(program.command('memories').description('store, find and read memories'))
  addAgents(program.command('agents').description('the agents that receive'))
  takeServerFlags(program.command('config').description('print the settings in force and where each came from')).action(
    action(async ({ config, output }) => (await import('./config-command.ts')).showConfig(config, output)),
  )
  addHelp(program)
  return program
}

/** The help of commander looks one command deep: `help parked list` would say what `parked` does. */
function addHelp(program: Command): void {
  program
    .command('help')
    .description('display help for command')
    .argument('[command...]')
    .action((path: string[]) => {
      let shown = program
      for (const name of path) {
        const next = shown.commands.find((one) => one.name() === name || one.aliases().includes(name))
        if (!next) return program.error(`error: unknown command '${path.join(' ')}'`)
        shown = next
      }
      return shown.help()
    })
}

/** Says what went wrong and what to do about it; the answer is the exit code. */
function explain(error: unknown, json: boolean): number {
  // Commander has said its part already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { progress, answer } = createOutput(json)
  if (error instanceof UsageError) {
    progress(error.message)
    answer({ error: { code: 'USAGE', detail: error.message } })
    return 2
  }
  if (error instanceof SpineError) {
    progress(`${error.message}\n${error.next} (${error.code})`)
    for (const part of issuesOf(error)) progress(`  ${part}`)
    answer({ error: toProblem(error) })
    return 1
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  progress(process.env.SPINE_LOG_LEVEL === 'debug' ? (stack ?? message) : message)
  answer({ error: { code: 'FAILED', detail: message } })
  return 1
}

const issuesOf = ({ extra }: SpineError): string[] =>
  Array.isArray(extra.issues) ? extra.issues.map((issue) => JSON.stringify(issue)) : []

// A reader that has seen enough, as `head` has, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = explain(error, process.argv.includes('--json'))
}
