/** Who receives: what waits for each agent, what it holds, and the breaker that keeps work from one that fails. */

import type { Agent } from '../../../../spine/src/protocol/agent.ts'
import { call } from '../../core/call.ts'
import { useRowKeys } from '../../core/keyboard.ts'
import { refreshAll } from '../../core/live.ts'
import { useNow } from '../../core/now.ts'
import { href, type Route } from '../../core/router.ts'
import { age, listed, number, plural } from '../../core/words.ts'
import { useAgents } from '../../data/agents.ts'
import { useAction } from '../../pieces/action.tsx'
import { BreakerGlyph, type BreakerState, breakerWords, Pips } from '../../pieces/glyphs.tsx'
import { Empty, Head, Loaded, Panel } from '../../pieces/panel.tsx'
import { type Column, Rows } from '../../pieces/rows.tsx'

const columns: readonly Column[] = [
  { head: 'Agent' },
  { head: 'Breaker', width: 120 },
  { head: 'In a row', width: 70 },
  { head: 'Next', width: 130 },
  { head: 'Waiting', width: 76, num: true },
  { head: 'Held', width: 64, num: true },
  { head: 'Last seen', width: 96, num: true },
  { head: 'Reads', width: 150, narrow: true },
  { head: 'Fallback', width: 140, narrow: true },
  { head: <span class="sr">Reset</span>, width: 128 },
]

const rank: Readonly<Record<BreakerState, number>> = { open: 0, half_open: 1, closed: 2 }
const stateOf = ({ breaker }: Agent): BreakerState => breaker?.state ?? 'closed'

const worstFirst = (left: Agent, right: Agent) =>
  rank[stateOf(left)] - rank[stateOf(right)] || right.ready - left.ready || (left.name < right.name ? -1 : 1)

function verdict(agents: readonly Agent[]): string {
  const open = agents.filter((agent) => stateOf(agent) === 'open').map(({ name }) => name)
  if (open.length > 0) return `${listed(open.slice(0, 3))} ${open.length === 1 ? 'is' : 'are'} held back by a breaker`
  const waiting = agents.reduce((sum, { ready }) => sum + ready, 0)
  return waiting > 0 ? `${plural(waiting, 'delivery waits', 'deliveries wait')} to be claimed` : 'No work waits'
}

export function Agents(_: { route: Route }) {
  useRowKeys()
  const live = useAgents()
  const agents = (live.value?.agents ?? []).toSorted(worstFirst)
  return (
    <>
      <Head
        title={live.value ? verdict(agents) : 'Agents'}
        sub="An agent is known from the first time something was sent to it, or it asked for work."
      />
      <Panel title="Agents" end={live.value && plural(agents.length, 'agent')}>
        <Loaded live={live} what="The agents could not be read." goesOn="Deliveries go on.">
          {() =>
            agents.length > 0 ? (
              <Rows
                label="Agents"
                columns={columns}
                items={agents}
                keyOf={({ name }) => name}
                row={(agent) => <AgentRow agent={agent} read_at={live.at ?? 0} />}
              />
            ) : (
              <Empty title="Nobody is known yet.">An agent appears with the first handoff to it.</Empty>
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

function AgentRow({ agent, read_at }: { agent: Agent; read_at: number }) {
  const now = useNow()
  const { name, breaker, ready, held, last_seen_at, fallback_agent, context_window, tokenizer, push_stopped } = agent
  const state = stateOf(agent)
  return (
    <>
      <td>
        <a data-row class={state === 'closed' ? '' : 'strong'} href={href('handoffs', undefined, { target: name })}>
          {name}
        </a>
        {push_stopped && (
          <span class="crit" title={push_stopped}>
            {' '}
            push stopped
          </span>
        )}
      </td>
      <td>
        <span class="row">
          <BreakerGlyph state={state} />
          <span class={state === 'open' ? 'crit' : state === 'half_open' ? 'warn' : 'dim'}>{breakerWords[state]}</span>
        </span>
      </td>
      <td>
        <Pips count={breaker?.failures ?? 0} />
      </td>
      <td>
        <NextProbe state={state} ms={(breaker?.retry_after_ms ?? 0) - (now - read_at)} />
      </td>
      <td class="num">{number(ready)}</td>
      <td class="num">{number(held)}</td>
      <td class="num dim">{last_seen_at ? `${age(now - Date.parse(last_seen_at))} ago` : '–'}</td>
      <td class="dim hide-s">
        {context_window ? `${number(context_window)}, ` : ''}
        {tokenizer.replace('_base', '')}
      </td>
      <td class="dim hide-s">{fallback_agent ?? 'none'}</td>
      <td>{state !== 'closed' && <Reset name={name} />}</td>
    </>
  )
}

export function NextProbe({ state, ms }: { state: BreakerState; ms: number }) {
  if (state === 'closed') return <span class="dim">–</span>
  if (state === 'half_open') return <span class="warn">probing</span>
  return <span class="crit">{ms > 0 ? `probe in ${age(ms)}` : 'next claim probes'}</span>
}

function Reset({ name }: { name: string }) {
  const { run, busy, failure } = useAction(async () => {
    await call('agents', 'reset_breaker', { name })
    refreshAll()
  })
  return (
    <button type="button" class="btn small" disabled={busy} onClick={run} title={failure?.message}>
      {failure ? `Failed: ${failure.code}` : 'Close breaker'}
    </button>
  )
}
