/** `memory-spine events`: what happens, line by line, as it happens. */

import type { SpineEvent } from '../protocol/event.ts'
import type { Connection } from './connection.ts'
import { clip, type Output } from './output.ts'

function lineOf({ at, type, source_agent, target, state, delivery_id, envelope_id, reason }: SpineEvent): string {
  const way = source_agent ? `${clip(source_agent, 18)} -> ${clip(target ?? '', 18)}` : (target ?? '')
  const id = delivery_id ?? envelope_id ?? ''
  return [at, type.padEnd(22), (state ?? '').padEnd(10), way.padEnd(40), id, clip(reason ?? '', 60)]
    .join('  ')
    .trimEnd()
}

/** With `--json` one document a line, each with its cursor. Ends with the signal, or with `--no-follow` at the end. */
export async function showEvents(
  { client, options }: Connection,
  flags: { after?: string; types?: string; follow?: boolean },
  output: Output,
): Promise<number> {
  const say = (event: SpineEvent) => (output.json ? output.answer(event) : output.say(lineOf(event)))
  const types = flags.types ? { types: flags.types } : {}
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  let { after } = flags
  for (;;) {
    const wait_ms = flags.follow === false ? 0 : 20_000
    const call = { ...options, signal: stop.signal }
    const page = await client.spine.health
      .events({ ...types, wait_ms, ...(after ? { after } : {}) }, call)
      .catch((error) => {
        if (stop.signal.aborted) return undefined
        throw error
      })
    if (!page || stop.signal.aborted) return 0
    for (const event of page.events) say(event)
    after = page.next
    if (flags.follow === false && page.events.length === 0) return 0
  }
}
