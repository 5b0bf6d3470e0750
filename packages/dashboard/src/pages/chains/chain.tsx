/** One chain: every item as a line from hop to hop, where lines stop, and what each hop cost. */

import { useEffect, useRef } from 'preact/hooks'
import type { Fidelity } from '../../../../spine/src/protocol/fidelity.ts'
import type { Handoff, HandoffStatus } from '../../../../spine/src/protocol/handoff.ts'
import { call } from '../../core/call.ts'
import { useKeys } from '../../core/keyboard.ts'
import { useLive } from '../../core/live.ts'
import { href, type Route, setQuery } from '../../core/router.ts'
import { useChain } from '../../data/chain.ts'
import { useEnvelope } from '../../data/handoff.ts'
import { Pick } from '../../pieces/controls.tsx'
import { Empty, Failed, Head, Loading, Panel } from '../../pieces/panel.tsx'
import { useWidth } from '../../pieces/width.ts'
import { verdictOf } from './chain-words.ts'
import { Drawing, Told } from './drawing.tsx'
import { HopTable, table_height } from './hop-table.tsx'
import { type Scene, sceneOf } from './scene.ts'
import { Legend, Sides } from './sides.tsx'
import { worstHop } from './threads.ts'

/** Where the chain can be followed to: handoffs that nobody continued, deepest first. */
function tipsOf(handoffs: readonly Handoff[]): Handoff[] {
  const deepest = Math.max(0, ...handoffs.map(({ hop }) => hop))
  const sources = (hop: number) => new Set(handoffs.filter((one) => one.hop === hop).map((one) => one.source_agent))
  return handoffs
    .filter(
      ({ hop, target_agent }) =>
        hop === deepest || !(target_agent === 'broadcast' || sources(hop + 1).has(target_agent)),
    )
    .toSorted((left, right) => right.hop - left.hop)
}

export function Chain({ id, route }: { id: string; route: Route }) {
  const chain = useChain(id)
  const handoffs = chain.value ?? []
  const tips = tipsOf(handoffs)
  const tip = handoffs.find(({ envelope_id }) => envelope_id === route.query.to) ?? tips[0]
  const root = useEnvelope(id)
  const report = useLive(tip && `diff ${id} ${tip.envelope_id}`, (signal) =>
    call('handoffs', 'diff', { a: id, b: tip?.envelope_id ?? id }, signal),
  )
  const ids = report.value?.hops.map(({ envelope_id }) => envelope_id) ?? []
  const statuses = useLive(
    ids.length > 0 ? `statuses ${ids.join(' ')}` : undefined,
    (signal) => Promise.all(ids.map((each) => call('handoffs', 'status', { id: each }, signal))),
    ({ envelope_id = '' }) => ids.includes(envelope_id),
  )
  useKeys({ Escape: () => history.back() })
  const failure = chain.failure ?? root.failure ?? report.failure
  const { value } = report
  const last = tip?.envelope_id
  const worst = value && worstHop(value)
  const suspect = worst === undefined ? last : value?.hops[worst]?.envelope_id
  return (
    <>
      <Head
        crumb={
          <>
            <a href={href('chains')}>Chains</a> / {root.value?.task.id ?? 'chain'} <code>{id}</code>
          </>
        }
        title={value ? <Verdict fidelity={value} statuses={statuses.value ?? []} /> : 'Chain'}
        sub={root.value && `“${root.value.task.intent.slice(0, 400)}”`}
        tools={
          <>
            {tips.length > 1 && (
              <Pick
                label="Followed to"
                value={last ?? ''}
                choices={tips.map(({ envelope_id, hop, source_agent, target_agent }) => ({
                  value: envelope_id,
                  label: `to hop ${hop}, ${source_agent} → ${target_agent}`,
                }))}
                onChange={(to) => setQuery({ to })}
              />
            )}
            {last && (
              <a class="btn" href={href('handoffs', last)}>
                Open the last hop
              </a>
            )}
            {suspect && (
              <a class="btn primary" href={href('what-if', suspect)}>
                What if at hop {(worst ?? (value?.hops.length ?? 1) - 1) + 1}…
              </a>
            )}
          </>
        }
      />
      {value && value.hops.length > 0 ? (
        <Picture fidelity={value} statuses={statuses.value ?? []} />
      ) : (
        <Panel title="Chain">
          {failure ? (
            <Failed
              what="This chain could not be read."
              goesOn="Its handoffs go on."
              failure={failure}
              again={() => {
                chain.again()
                root.again()
                report.again()
              }}
            />
          ) : chain.value && !tip ? (
            <Empty title="No handoff has this as its root." />
          ) : (
            <Loading rows={20} />
          )}
        </Panel>
      )}
    </>
  )
}

type PictureProps = { fidelity: Fidelity; statuses: readonly HandoffStatus[] }

const Verdict = ({ fidelity, statuses }: PictureProps) => {
  const { threads, names } = sceneOf(fidelity, statuses, 0)
  return <>{verdictOf(fidelity, threads.threads, names)}</>
}

function Picture({ fidelity, statuses }: PictureProps) {
  const { ref, width } = useWidth<HTMLElement>(1_392)
  const scene = sceneOf(fidelity, statuses, width - 2)
  const worst = worstHop(fidelity)
  const scrolled = useRef(false)
  // Where it is wider than the window it begins at the hop with the greatest loss.
  useEffect(() => {
    if (scrolled.current || worst === undefined || !ref.current || width >= scene.width) return
    scrolled.current = true
    ref.current.scrollLeft = Math.max(0, (scene.xs[worst] ?? 0) - 180)
  }, [width, worst])
  const lost = fidelity.total.lost
  const height = scene.table + table_height - 40
  return (
    <section
      class="panel scroll-x"
      ref={ref}
      aria-label={`Chain of ${fidelity.hops.length} hops. ${verdictOf(fidelity, scene.threads.threads, scene.names)}. ${lost === 0 ? 'Nothing of the first hop is missing in the last.' : `${lost} items of the first hop are missing in the last.`}`}
    >
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the section is named; a title would follow the pointer everywhere. */}
      <svg class="chain" width={scene.width} height={height}>
        <Sides scene={scene} />
        <Drawing scene={scene} />
        <Told scene={scene} />
        <Legend x={(scene.xs[0] ?? 0) - 7} y={scene.table - 58} />
        <HopTable scene={scene} />
        <HopLinks scene={scene} height={height} />
      </svg>
    </section>
  )
}

/** The column of each hop opens its handoff. */
const HopLinks = ({ scene, height }: { scene: Scene; height: number }) => (
  <g>
    {scene.fidelity.hops.map(({ envelope_id, hop }, index) => (
      <a key={envelope_id} href={href('handoffs', envelope_id)} aria-label={`Open hop ${hop}`} data-row>
        <rect
          class="hit"
          x={(scene.xs[index] ?? 0) + 1}
          y={scene.table - 21}
          width={(scene.xs[index + 1] ?? 0) - (scene.xs[index] ?? 0) - 2}
          height={height - scene.table + 20}
        />
      </a>
    ))}
  </g>
)
