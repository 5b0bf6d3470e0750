/** The chains, newest first: one row for each root, with how deep it went and how whole it stayed. */

import type { Handoff } from '../../../../spine/src/protocol/handoff.ts'
import { call } from '../../core/call.ts'
import { useRowKeys } from '../../core/keyboard.ts'
import { useLive } from '../../core/live.ts'
import { href, type Route, setQuery } from '../../core/router.ts'
import { duration, number, percent, plural, shortTimeOf } from '../../core/words.ts'
import { keepRecords } from '../../data/records.ts'
import { Empty, Head, Loaded } from '../../pieces/panel.tsx'
import { type Column, Rows } from '../../pieces/rows.tsx'
import { Chain } from './chain.tsx'

const newest = 1_000

type Row = {
  root: string
  newest: Handoff
  oldest: Handoff
  hops: number
  handoffs: number
  least: number
  tokens: number
}

/** By root, in the order of the newest handoff. */
function chainsOf(handoffs: readonly Handoff[]): Row[] {
  const chains = new Map<string, Handoff[]>()
  for (const handoff of handoffs) chains.set(handoff.root_id, [...(chains.get(handoff.root_id) ?? []), handoff])
  return [...chains].flatMap(([root, all]) => {
    const [first] = all
    const last = all.at(-1)
    if (!first || !last) return []
    return {
      root,
      newest: first,
      oldest: last,
      hops: Math.max(...all.map(({ hop }) => hop)),
      handoffs: all.length,
      least: Math.min(...all.map(({ completeness }) => completeness)),
      tokens: all.reduce((sum, { token_count }) => sum + token_count, 0),
    }
  })
}

const columns: readonly Column[] = [
  { head: 'Last handoff', width: 100 },
  { head: 'Began with' },
  { head: 'From', width: 140 },
  { head: 'Now at', width: 140 },
  { head: 'Hops', width: 60, num: true },
  { head: 'Handoffs', width: 76, num: true, narrow: true },
  { head: 'Tokens', width: 80, num: true },
  { head: 'Least complete', width: 104, num: true },
  { head: 'Took', width: 80, num: true, narrow: true },
]

export const Chains = ({ route }: { route: Route }) =>
  route.id === undefined ? <List route={route} /> : <Chain key={route.id} id={route.id} route={route} />

function List({ route }: { route: Route }) {
  useRowKeys()
  const live = useLive(
    'chains',
    async (signal) => {
      const { handoffs } = await call('handoffs', 'list', { limit: newest }, signal)
      keepRecords(handoffs)
      return handoffs
    },
    ({ type }) => type.startsWith('handoff.'),
  )
  const { several = '' } = route.query
  const all = chainsOf(live.value ?? [])
  const rows = several ? all.filter(({ hops }) => hops > 1) : all
  return (
    <>
      <Head
        title={live.value ? plural(all.length, 'chain') : 'Chains'}
        sub={`A chain is all that came of one first handoff. ${(live.value?.length ?? 0) >= newest ? `Of the newest ${number(newest)} handoffs.` : ''}`}
      />
      <section class="panel">
        <div class="filters">
          <label class="row">
            <input
              type="checkbox"
              checked={several !== ''}
              onChange={(event) => setQuery({ several: event.currentTarget.checked ? 'yes' : undefined })}
            />
            Only those with several hops
          </label>
        </div>
        <Loaded live={live} what="The chains could not be read." goesOn="Their handoffs go on." rows={16}>
          {() =>
            rows.length > 0 ? (
              <Rows
                label="Chains"
                columns={columns}
                items={rows}
                keyOf={({ root }) => root}
                row={(row) => <ChainRow row={row} />}
              />
            ) : (
              <Empty title={all.length > 0 ? 'No chain has several hops yet.' : 'Nothing was handed over yet.'} />
            )
          }
        </Loaded>
      </section>
    </>
  )
}

function ChainRow({ row: { root, newest: last, oldest, hops, handoffs, least, tokens } }: { row: Row }) {
  const took = Date.parse(last.created_at) - Date.parse(oldest.created_at)
  return (
    <>
      <td class="dim">{shortTimeOf(last.created_at)}</td>
      <td title={oldest.summary}>
        <a data-row href={href('chains', root)}>
          {oldest.summary}
        </a>
      </td>
      <td class="mid">{oldest.source_agent}</td>
      <td class="mid">{last.target_agent}</td>
      <td class="num">{hops}</td>
      <td class="num dim hide-s">{handoffs}</td>
      <td class="num">{number(tokens)}</td>
      <td class={`num ${least < 1 ? 'warn strong' : 'dim'}`}>{percent(least)}</td>
      <td class="num dim hide-s">{handoffs > 1 ? duration(took) : '–'}</td>
    </>
  )
}
