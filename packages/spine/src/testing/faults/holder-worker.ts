/**
 * A receiver that takes and accepts a number of deliveries, makes their effects, and says so; and that completes them
 * when it is woken from a pause (SIGCONT): `holder-worker.ts ENDPOINT AGENT COUNT LEASE_MS EFFECTS_FILE`.
 */

import { connect } from '../../client/connect.ts'
import { SpineError } from '../../protocol/errors.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import { openEffects } from './effects.ts'

const [endpoint = '', agent = '', count = '', lease = '', effects_file = ''] = process.argv.slice(2)
const effects = openEffects(effects_file)
const spine = connect({ endpoint })
const say = (words: object) => process.stdout.write(`${JSON.stringify(words)}\n`)
const held: ReceivedDelivery[] = []

async function completeAll(): Promise<void> {
  const told: Record<string, number> = {}
  const note = (word: string) => {
    told[word] = (told[word] ?? 0) + 1
  }
  const { signal } = new AbortController()
  await Promise.all(
    held.map(({ id, lease_token }) =>
      // With a signal of its own, each goes as a call of its own.
      spine.deliveries.complete({ id, lease_token, output: 'stale' }, { signal }).then(
        () => note('counted'),
        (error: unknown) => note(error instanceof SpineError ? error.code : String(error)),
      ),
    ),
  )
  say(told)
}

say({ ready: true })
while (held.length < Number(count)) {
  const wanted = { agent, max: Math.min(256, Number(count) - held.length), lease_ms: Number(lease) }
  held.push(...(await spine.deliveries.receive(wanted)).deliveries)
}
const items = held.map(({ id, lease_token }) => ({ action: 'accept' as const, id, lease_token }))
await spine.deliveries.settle({ items })
for (const delivery of held) await effects.once(delivery)
process.once('SIGCONT', () => void completeAll())
say({ held: held.length })
// Kept alive by nothing else.
process.stdin.resume()
