/** What is open: the cause, the next step, one link to act on. Acknowledge and silence come second. */

import type { Alert } from '../../../../spine/src/protocol/alert.ts'
import { call } from '../../core/call.ts'
import { refreshAll } from '../../core/live.ts'
import { useNow } from '../../core/now.ts'
import { href } from '../../core/router.ts'
import { age, shortTimeOf } from '../../core/words.ts'
import { useAlerts } from '../../data/health.ts'
import { useAction } from '../../pieces/action.tsx'
import { type Tier, TierGlyph } from '../../pieces/glyphs.tsx'
import { Empty, Loaded, Panel } from '../../pieces/panel.tsx'

const tiers: readonly Tier[] = ['critical', 'warning', 'info']
const silence_ms = 3_600_000
const most_shown = 8

const counted = (alerts: readonly Alert[]): string =>
  tiers
    .map((tier) => [tier, alerts.filter((alert) => alert.tier === tier).length] as const)
    .filter(([, count]) => count > 0)
    .map(([tier, count]) => `${count} ${tier === 'warning' && count > 1 ? 'warnings' : tier}`)
    .join(', ')

export function Alerts() {
  const live = useAlerts()
  const alerts = (live.value?.alerts ?? []).toSorted(
    (left, right) => tiers.indexOf(left.tier) - tiers.indexOf(right.tier),
  )
  return (
    <Panel title="Open alerts" end={counted(alerts)}>
      <Loaded live={live} what="The alerts could not be read." goesOn="They are still raised." rows={4}>
        {() =>
          alerts.length === 0 ? (
            <Empty title="Nothing is open.">An alert is raised once, and resolved when its cause is gone.</Empty>
          ) : (
            alerts.slice(0, most_shown).map((alert) => <Row key={alert.id} alert={alert} />)
          )
        }
      </Loaded>
      {alerts.length > most_shown && <p class="second alert">{alerts.length - most_shown} more are open.</p>}
    </Panel>
  )
}

/** Where its cause can be seen. */
function linkOf({ rule, about, target }: Alert): [string, string] | undefined {
  const { delivery_id, envelope_id, memory_id, agent = target } = about
  if (memory_id) return [`Open ${memory_id}`, href('memories', memory_id)]
  if (rule === 'failure_rate_high')
    return ['See the dead letters', href('dead-letters', undefined, agent ? { target: agent } : {})]
  if (rule === 'breaker_open' && agent)
    return ['See its dead letters', href('dead-letters', undefined, { target: agent })]
  if ((rule === 'handoff_failed' || rule === 'loop_stopped') && delivery_id)
    return ['Open dead letter', href('dead-letters', undefined, { open: delivery_id })]
  if (envelope_id) return ['Open handoff', href('handoffs', envelope_id)]
  return agent ? ['See its handoffs', href('handoffs', undefined, { target: agent })] : undefined
}

const tone: Readonly<Record<Tier, string>> = { critical: 'crit-row', warning: 'warn-row', info: '' }

function Row({ alert }: { alert: Alert }) {
  const { id, tier, title, detail, next, raised_at, acknowledged, silenced_until } = alert
  const now = useNow()
  const link = linkOf(alert)
  const silent = silenced_until !== undefined && Date.parse(silenced_until) > now
  const acknowledge = useAction(async () => {
    await call('alerts', 'acknowledge', { id, by: 'dashboard' })
    refreshAll()
  })
  const silence = useAction(async () => {
    await call('alerts', 'silence', { id, for_ms: silent ? 0 : silence_ms, by: 'dashboard' })
    refreshAll()
  })
  const failure = acknowledge.failure ?? silence.failure
  return (
    <article class={`alert ${tone[tier]}`}>
      <TierGlyph tier={tier} />
      <strong>{title}</strong>
      <span class="dim nowrap" title={raised_at}>
        {age(now - Date.parse(raised_at))}
      </span>
      <p class="second">
        {detail} {next}
      </p>
      <div class="acts-row">
        {link && (
          <a class="link" href={link[1]}>
            {link[0]}
          </a>
        )}
        {acknowledged ? (
          <span class="dim">Acknowledged by {acknowledged.by}</span>
        ) : (
          tier !== 'info' && (
            <button type="button" class="plain" disabled={acknowledge.busy} onClick={acknowledge.run}>
              Acknowledge
            </button>
          )
        )}
        {tier !== 'info' && (
          <button type="button" class="plain" disabled={silence.busy} onClick={silence.run}>
            {silent ? `Silent until ${shortTimeOf(silenced_until)}: end it` : 'Silence for 1 h'}
          </button>
        )}
        {failure && <span class="crit">{failure.message}</span>}
      </div>
    </article>
  )
}
