/** First the verdict in words; then what proves it: five figures, open alerts, breakers, and handoffs as they happen. */

import { useRowKeys } from '../../core/keyboard.ts'
import { type Route, setQuery } from '../../core/router.ts'
import { useAgentNames } from '../../data/agents.ts'
import { useDeliveryList } from '../../data/delivery-list.ts'
import { useHealth, type Window } from '../../data/health.ts'
import { Pick, Seg } from '../../pieces/controls.tsx'
import { TierGlyph } from '../../pieces/glyphs.tsx'
import { Failed, Head } from '../../pieces/panel.tsx'
import { Alerts } from './alerts.tsx'
import { Breakers } from './breakers.tsx'
import { Figures } from './figures.tsx'
import { FirstSteps } from './first-steps.tsx'
import { LiveHandoffs } from './live-handoffs.tsx'

const windows: readonly { value: Window; label: string }[] = [
  { value: '5m', label: '5 min' },
  { value: '1h', label: '1 h' },
  { value: '24h', label: '24 h' },
]

export function Overview({ route }: { route: Route }) {
  useRowKeys()
  const { window: asked, target = '' } = route.query
  const window = windows.find(({ value }) => value === asked)?.value ?? '1h'
  const health = useHealth(window, target)
  const list = useDeliveryList(target ? { target } : {})
  const agents = useAgentNames()
  const report = health.value
  // Until somebody has accepted something there is nothing to judge.
  const first =
    !target && list.rows !== undefined && list.rows.length < 3 && !list.rows.some(({ accepted_at }) => accepted_at)
  const { tier, sentence = 'Overview', detail = ' ' } = report?.verdict ?? {}
  return (
    <>
      <Head
        title={
          first ? (
            'Ready for the first handoff'
          ) : (
            <>
              {tier && <TierGlyph tier={tier} size={17} />}
              {sentence}
            </>
          )
        }
        sub={first ? `Memory Spine listens on ${location.origin}. This page fills in by itself.` : detail}
        tools={
          !first && (
            <>
              <Pick
                label="Target"
                value={target}
                choices={[{ value: '', label: 'All targets' }, ...agents.map((name) => ({ value: name, label: name }))]}
                onChange={(value) => setQuery({ target: value })}
              />
              <Seg
                label="Window"
                choices={windows}
                value={window}
                onChange={(value) => setQuery({ window: value === '1h' ? undefined : value })}
              />
            </>
          )
        }
      />
      {report ? (
        <Figures report={report} />
      ) : (
        <section class="panel figures waiting">
          {health.failure && (
            <Failed
              what="The figures could not be read."
              goesOn="Deliveries go on; only their figures are missing."
              failure={health.failure}
              again={health.again}
            />
          )}
        </section>
      )}
      {first ? (
        <FirstSteps list={list} />
      ) : (
        <div class="two flip">
          <div class="stack side">
            <Alerts />
            {report && <Breakers report={report} at={health.at ?? 0} />}
          </div>
          <LiveHandoffs list={list} report={report} />
        </div>
      )}
    </>
  )
}
