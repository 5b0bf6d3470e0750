/**
 * A receiving agent in a process of its own, to be killed: `receiver-worker.ts ENDPOINT AGENT LEASE_MS EFFECTS_FILE
 * CONCURRENCY HANDLER_MS [no_inbox]`. It makes the effect of each delivery, works for a while, and completes. A
 * delivery whose envelope says `poison` ends the process.
 */

import { MemorySpine } from '../../client/memory-spine.ts'
import { openEffects } from './effects.ts'
import { pause } from './fault.ts'

const [endpoint = '', agent = '', lease = '', effects_file = '', concurrency = '', work = '', inbox = ''] =
  process.argv.slice(2)
const effects = openEffects(effects_file)
const say = (words: object) => process.stdout.write(`${JSON.stringify(words)}\n`)

const memorySpine = new MemorySpine({ endpoint })
say({ ready: true })
memorySpine.receive(
  agent,
  async ({ delivery, envelope }) => {
    say({ accepted: delivery.id })
    if (envelope.extensions?.poison === true) process.exit(1)
    await (inbox === 'no_inbox' ? effects.always(delivery) : effects.once(delivery))
    say({ effect: delivery.id })
    await pause(Number(work))
    say({ worked: delivery.id })
  },
  { lease_ms: Number(lease), concurrency: Number(concurrency), max: Number(concurrency), onError: () => {} },
)
