/** `memory-spine serve`: opens the store, serves it, and ends in good order. Resolves when the server has stopped. */

import { type ConfigInForce, shownValue } from './config.ts'
import { isPostgres, serverOptionsOf, startLocalServer, storeFile } from './local-server.ts'
import type { Output } from './output.ts'
import { startTelemetry, wantsTraces } from './telemetry.ts'

/** A drain that takes longer than this is not going to end. */
const longest_drain_ms = 15_000
const parent_check_ms = 500

export async function serve(config: ConfigInForce, output: Output): Promise<number> {
  const { host, port, store, log_level } = config.values
  const ending = Promise.withResolvers<{ why: string; code: number }>()
  const tracing = wantsTraces(process.env)
  const endTelemetry = tracing ? await startTelemetry(process.env) : async () => {}
  const server = await startLocalServer({
    ...serverOptionsOf(config.values),
    store,
    host,
    port,
    log_level,
    tracing,
    on_fatal: (error) => ending.resolve({ why: `the store failed: ${error.message}`, code: 1 }),
  })
  const stopWatching = watchForEnd((why) => ending.resolve({ why, code: 0 }))
  greet(server.endpoint, isPostgres(store) ? shownValue('store', store) : storeFile(store), output)

  const { why, code } = await ending.promise
  stopWatching()
  output.progress(`Stopping: ${why}.`)
  const overdue = setTimeout(() => {
    output.progress('The drain takes too long; leaving. What was answered is on disk.')
    process.exit(1)
  }, longest_drain_ms)
  // After a second signal nobody wants to wait.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  await server.close().catch((error) => {
    // A store that failed cannot be closed well either, and its first word has been said.
    if (code === 0) throw error
  })
  await endTelemetry()
  clearTimeout(overdue)
  return code
}

function greet(endpoint: string, store: string, output: Output): void {
  output.say(`Memory Spine serves ${store} at ${endpoint} (open it in a browser; documentation: ${endpoint}/docs)`)
  output.say('Try, in another terminal:')
  const at = endpoint === 'http://127.0.0.1:8788' ? '' : ` --endpoint ${endpoint}`
  output.say(`  npx memory-spine memories store "The deploy window is Tuesday 06:00 UTC." --pin${at}`)
  output.say(`  npx memory-spine memories search "when do we deploy"${at}`)
  output.answer({ endpoint, store, pid: process.pid })
}

/** Calls back once with why the server should end. */
function watchForEnd(end: (why: string) => void): () => void {
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => {
    const listener = () => end(`${signal} received`)
    process.once(signal, listener)
    return () => process.off(signal, listener)
  })
  // npm does not pass signals on reliably: killed alone, it would leave a server behind that keeps the port.
  const parent = process.ppid
  const timer = process.env.npm_lifecycle_event
    ? setInterval(() => {
        if (process.ppid !== parent) end('npm, which started it, is gone')
      }, parent_check_ms)
    : undefined
  timer?.unref()
  return () => {
    for (const stop of listeners) stop()
    clearInterval(timer)
  }
}
