/** Processes that a fault starts and kills: servers as users run them, and workers. Each speaks in lines of JSON. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { programFile, quietEnv } from '../command.ts'

export type Started = {
  child: ChildProcess
  /** What its first line said. */
  first: Readonly<Record<string, string>>
  /** The next line that nobody has read yet. Rejects when the process ends before. */
  next<T>(): Promise<T>
  /** Resolves with the exit code, null after a signal. */
  exited: Promise<number | null>
  /** The end of what it wrote to standard error. */
  complaint(): string
  /** SIGKILL, unless it is gone. */
  kill(): Promise<void>
}

export type StartOptions = {
  env?: Readonly<Record<string, string>>
  /** Shell text that runs around it; its last command has to be `exec "$@"`. */
  shell?: string
}

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** Whatever happens here, nothing is left running. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a script and waits for its first line. */
async function start(args: readonly string[], { env = {}, shell }: StartOptions = {}): Promise<Started> {
  const command = [process.execPath, ...args]
  const [program = '', ...rest] = shell === undefined ? command : ['bash', '-c', shell, 'bash', ...command]
  const child = spawn(program, rest, { env: { ...quietEnv, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2_000)
  })
  child.stdin.on('error', () => {})
  running.add(child)
  const exited = once(child, 'exit').then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const { done, value } = await lines.next()
    if (done) throw new Error(`${args.join(' ')} ended with ${await exited}: ${complaint}`)
    return JSON.parse(value)
  }
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  return { child, first: await next(), next, exited, complaint: () => complaint, kill }
}

export const startServer = (url: string, options: StartOptions & { port?: string } = {}): Promise<Started> =>
  start(
    [programFile, 'serve', '--store', url, '--port', options.port ?? '0', '--json', '--log-level', 'fatal'],
    options,
  )

/**
 * Fills the compile cache, where there is one (tools/compile-cache.js), as only a server does that ends in peace: for
 * faults that start and kill servers again and again.
 */
export async function compileServer(): Promise<void> {
  const server = await startServer('sqlite::memory:')
  server.child.kill('SIGTERM')
  await server.exited
}

/** A worker of this folder, by its file name. */
export const startWorker = (file: string, args: readonly string[], options: StartOptions = {}): Promise<Started> =>
  start([pathOf(`./${file}`), ...args], options)
