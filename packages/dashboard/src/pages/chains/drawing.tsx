/** The threads themselves: nodes of agents, lines of items, where they begin, stop, are waived or held. */

import { StateGlyph, TierGlyph } from '../../pieces/glyphs.tsx'
import { countsOf } from './chain-words.ts'
import { type Branch, branch_scale, type Scene } from './scene.ts'
import { endedAt, type Group, type Run, type Thread } from './threads.ts'

const classes: Readonly<Record<Group, string>> = {
  intent: 'intent',
  constraints: 'constraint',
  decisions: 'decision',
  facts: 'fact',
  memories: 'fact',
}

/** A line that stops does so a little after the node, not all at the same place, so that each can be seen. */
const stopAfter = (index: number) => 30 + ((index * 37) % 23)

/** Where a run begins and ends, in px. */
const startOf = (scene: Scene, run: Run) => scene.xs[run.from] ?? 0
function stopOf(scene: Scene, run: Run, index: number): number {
  const { xs } = scene
  const node = xs[Math.min(run.to, xs.length - 1)] ?? 0
  if (run.end === 'waived' || run.end === 'resolved') return node - 20
  return run.end === 'lost' ? node + stopAfter(index) : node
}

export function Drawing({ scene }: { scene: Scene }) {
  const { threads, top, xs, bottom, names } = scene
  return (
    <g>
      {scene.branches.map((branch) => (
        <BranchLines key={`${branch.hop} ${branch.delivery.id}`} scene={scene} branch={branch} />
      ))}
      {scene.fidelity.hops.map((hop, index) => (
        <Loss key={hop.envelope_id} scene={scene} hop={index} />
      ))}
      {threads.threads.toReversed().map((thread, index) => (
        <Line key={thread.item.key} scene={scene} thread={thread} index={index} />
      ))}
      {xs.map((x, index) => (
        <g key={x}>
          <rect
            class={`node ${index === xs.length - 1 ? 'live' : ''}`}
            x={x - 7}
            y={top - 9}
            width="14"
            height={bottom - top + 18}
            rx="7"
          />
          <text class="agent" x={x - 7} y={top - 20}>
            {names[index]}
          </text>
        </g>
      ))}
      {threads.threads.map((thread) =>
        thread.runs
          .filter(({ from }) => from > 0)
          .map((run) => (
            <circle
              key={`${thread.item.key} ${run.from}`}
              class={`born ${classes[thread.group]}`}
              cx={startOf(scene, run) + 7}
              cy={top + thread.y}
              r={thread.group === 'facts' || thread.group === 'memories' ? 1.7 : 2.4}
            />
          )),
      )}
    </g>
  )
}

function Line({ scene, thread, index }: { scene: Scene; thread: Thread; index: number }) {
  const y = scene.top + thread.y
  const name = classes[thread.group]
  return (
    <g>
      <title>{thread.item.label}</title>
      {thread.runs.map((run) => {
        const from = startOf(scene, run)
        const to = stopOf(scene, run, index)
        const last = scene.xs[Math.min(run.to + 1, scene.xs.length - 1)] ?? to
        const half = name === 'fact' ? 2.6 : 4
        return (
          <g key={run.from}>
            <path
              class={`thread ${name} ${thread.dense && run.end !== 'lost' ? 'dense' : ''}`}
              d={`M${from} ${y}H${to}`}
            />
            {run.end === 'lost' && (
              <>
                <path class="ghost" d={`M${to + 6} ${y}H${last - 8}`} />
                <path class="stop" d={`M${to} ${y - half}v${half * 2}`} />
              </>
            )}
            {run.end === 'waived' && <circle class="waived" cx={to} cy={y} r="3.2" />}
            {run.end === 'resolved' && <path class="done" d={`M${to - 3} ${y}l2.2 2.4 4-5`} />}
          </g>
        )
      })}
    </g>
  )
}

/** The red field behind lines that stop. */
function Loss({ scene, hop }: { scene: Scene; hop: number }) {
  const lost = endedAt(scene.threads.threads, hop, 'lost')
  if (lost.length === 0) return null
  const ys = lost.map(({ y }) => scene.top + y)
  const from = Math.min(...ys) - 10
  const height = Math.max(...ys) + 10 - from
  const x = (scene.xs[hop] ?? 0) + 14
  const box = { x, y: from, width: (scene.xs[hop + 1] ?? x) - x - 14, height, rx: 4 }
  return (
    <>
      <rect class="loss" {...box} />
      <rect fill="url(#torn)" {...box} />
    </>
  )
}

/** A broadcast leaves the agent at its ends, as a nerve leaves the spine, so that nothing crosses the main line. */
function BranchLines({ scene, branch }: { scene: Scene; branch: Branch }) {
  const { xs, top, bottom, threads } = scene
  const { hop, delivery, up, y: y0 } = branch
  const from = (xs[hop] ?? 0) + 3
  const to = xs[hop + 1] ?? from
  const held = delivery.state === 'parked' || delivery.state === 'expired'
  const stop = held ? to - 26 : to
  const port = up ? top - 12 : bottom + 7
  const height = threads.height * branch_scale
  const carried = threads.threads.filter(({ runs }) => runs.some((run) => run.from <= hop && run.to > hop))
  return (
    <g class="branch">
      {carried.toReversed().map(({ item, group, y }) => {
        const a = (port + y * 0.035).toFixed(1)
        const b = (y0 + y * branch_scale).toFixed(1)
        return (
          <path
            key={item.key}
            class={`thread ${classes[group]}`}
            d={`M${from} ${a}C${from + 117} ${a} ${to - 190} ${b} ${stop - 50} ${b}H${stop}`}
          />
        )
      })}
      {held && <path class="held" d={`M${stop} ${y0 - 6}v${height + 12}`} />}
      <rect class={`node ${held ? 'closed' : ''}`} x={to - 7} y={y0 - 9} width="14" height={height + 18} rx="7" />
      <BranchWords branch={branch} x={to + 16} />
    </g>
  )
}

function BranchWords({ branch: { delivery, y }, x }: { branch: Branch; x: number }) {
  const { state, target, attempts } = delivery
  const parked = state === 'parked'
  return (
    <g>
      <StateGlyph state={state} x={x} y={y} />
      <text class="agent" x={x + 21} y={y + 12}>
        {target}
      </text>
      <text class={`second ${parked ? 'lost' : ''}`} x={x + 21} y={y + 28}>
        {parked ? `parked after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` : state}
      </text>
    </g>
  )
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

/** Above the band: what was waived. Under it, where nothing else stands there: what was lost. */
export function Told({ scene }: { scene: Scene }) {
  const { fidelity, threads, xs, top, bottom, branches } = scene
  return (
    <g>
      {fidelity.hops.map(({ envelope_id }, index) => {
        const lost = endedAt(threads.threads, index, 'lost')
        const waived = endedAt(threads.threads, index, 'waived')
        const x = (xs[index] ?? 0) + 24
        const free = !branches.some(({ up, hop }) => !up && (hop === index || hop === index - 1))
        return (
          <g key={envelope_id}>
            {lost.length > 0 && free && (
              <>
                <path class="lead" d={`M${x + 7} ${bottom + 8}V${bottom + 20}`} />
                <TierGlyph tier="critical" x={x} y={bottom + 23} />
                <text class="lost strong" x={x + 21} y={bottom + 35}>
                  Lost here: {countsOf(lost).join(', ')}
                </text>
              </>
            )}
            {waived.slice(0, 1).map(({ item, runs, y: line }) => {
              const run = runs.find(({ to, end }) => to === index && end === 'waived')
              const at = (xs[index] ?? 0) - 20
              return (
                <g key={item.key} text-anchor="end">
                  <path class="lead" d={`M${at} ${top + line - 5}V${top - 46}`} />
                  <text class="warned" x={at + 6} y={top - 66}>
                    {item.label.split(':')[0]}, waived by {run?.by ?? 'its owner'}
                    {waived.length > 1 && ` and ${waived.length - 1} more`}
                  </text>
                  <text class="second" x={at + 6} y={top - 51}>
                    {run?.reason && `“${cut(run.reason, 44)}”`}
                  </text>
                </g>
              )
            })}
          </g>
        )
      })}
    </g>
  )
}
