/** A store in which there is something of everything: rows in every table, and deliveries in most of their states. */

import { createSpine } from '../service/spine.ts'
import type { Database } from '../store/database.ts'
import { pushSecret } from './conformance/hooks.ts'
import { leaseOf, receivedOne, sent } from './conformance/subject.ts'
import { manualClock } from './manual-clock.ts'
import { seeded } from './seeded.ts'
import { boundTo } from './subjects.ts'
import { watched } from './watched.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const words =
  'deploy window Tuesday 06:00 UTC payment-service retries 4821 naïve Größe メモリ 👋 tokens p99 prod'.split(' ')

/**
 * Fills an empty store and leaves the database open. `memories` more are stored, for tests that need many rows.
 * Answers the time at which it ended, in milliseconds since 1970: some deliveries ended long before, others just now.
 */
export async function fillStore(database: Database, { memories = 0 } = {}): Promise<{ now: number }> {
  const { database: seen, idle } = watched({ ...database, close: async () => {} })
  const clock = manualClock({ idle })
  const chance = seeded('full store')
  const spine = await createSpine({ database: seen, clock, chance })
  const text = (length: number) => Array.from({ length }, () => chance.pick(words)).join(' ')
  try {
    for (const namespace of ['blue', 'green']) {
      const team = boundTo(spine, { namespace })
      const call = { source_agent: 'planner', previous: null, task_id: 'T-1' }
      await team.tasks.put({ id: 'T-1', intent: 'Keep “payments” alive.\nÄ 👋', constraints: { language: 'python' } })
      await team.agents.put({ name: 'coder', context_window: 8_000, reserved_tokens: 500, fallback_agent: 'tester' })
      const push = { push_url: 'https://agents.example.com/', push_secrets: [pushSecret] }
      await team.agents.put({ name: 'pushed', ...push })
      await team.health.set_thresholds({ unclaimed_ms: 10 * MINUTE })
      const stored = { id: 'm-1', content: text(80), task_id: 'T-1', tags: ['a', 'b'], metadata: { session: 's' } }
      await team.memories.store({ memories: [stored, { content: text(20), pinned: true }, { content: text(9) }] })
      await team.memories.store({ ...stored, content: text(60) })
      await team.memories.store({ id: 'm-2', content: text(12), supersedes: 'm-1', idempotency_key: 'k-1' })
      await team.memories.delete({ id: 'ms-3' })

      const complete = async (agent = 'coder') =>
        team.deliveries.complete({ ...leaseOf(await receivedOne(team, agent)), output: { said: text(5) } })
      await sent(team, { ...call, emit: ['1', '2'], idempotency_key: 'k-2' })
      await complete()
      const envelope = await team.handoffs.create({ ...call, target_agent: 'coder', task_summary: text(30) })
      await team.channels.publish({ channel: 'findings', envelope, receivers: ['coder', 'tester', 'writer'] })
      await complete('tester')
      await clock.jump(HOUR)

      await complete()
      for (let failures = 0; failures < 3; failures += 1) {
        await sent(team, { ...call, target_agent: 'fragile' })
        for (let attempts = 0; attempts < 3; attempts += 1) {
          const lease = leaseOf(await receivedOne(team, 'fragile'))
          await team.deliveries.nack({ ...lease, kind: 'retry', reason: text(4), delay_ms: 0 })
        }
      }
      await clock.advance(15_000)
      const [alert] = (await team.alerts.list({})).alerts
      if (!alert) throw new Error('three failures raised no alert')
      await team.alerts.silence({ id: alert.id, for_ms: HOUR, by: 'ana' })
      await sent(team, { ...call, target_agent: 'tester' })
      await receivedOne(team, 'tester', { lease_ms: HOUR })
      for (let left = memories; left > 0; left -= 100)
        await team.memories.store({ memories: Array.from({ length: 100 }, () => ({ content: text(40) })) })
    }
    await idle()
    return { now: clock.now() }
  } finally {
    await spine.close()
  }
}
