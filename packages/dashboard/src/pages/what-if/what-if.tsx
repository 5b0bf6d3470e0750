/** What another budget or strategy would have carried. A preview: nothing is sealed, sent or stored. */

import type { Handoff } from '../../../../spine/src/protocol/handoff.ts'
import { call } from '../../core/call.ts'
import { useRowKeys } from '../../core/keyboard.ts'
import { useLive } from '../../core/live.ts'
import { href, type Route } from '../../core/router.ts'
import { number, shortTimeOf } from '../../core/words.ts'
import { Bar, FromTo } from '../../pieces/bar.tsx'
import { Empty, Head, Loaded, Panel } from '../../pieces/panel.tsx'
import { type Column, Rows } from '../../pieces/rows.tsx'
import { Explore } from './explore.tsx'

export const WhatIf = ({ route }: { route: Route }) =>
  route.id === undefined ? <Choose /> : <Explore key={route.id} id={route.id} route={route} />

const columns: readonly Column[] = [
  { head: 'Sealed', width: 90 },
  { head: 'From, to', width: 240 },
  { head: 'Task' },
  { head: 'Hop', width: 44, num: true },
  { head: 'Tokens of budget', width: 140 },
]

function Choose() {
  useRowKeys()
  const live = useLive(
    'what-if',
    async (signal) => (await call('handoffs', 'list', { limit: 200 }, signal)).handoffs,
    ({ type }) => type.startsWith('handoff.'),
  )
  return (
    <>
      <Head
        title="What if it had more tokens, or fewer?"
        sub="Choose a handoff: what would travel at any other budget, and by any other strategy, is worked out without sealing anything."
      />
      <Panel title="Newest handoffs">
        <Loaded live={live} what="The handoffs could not be read." rows={12}>
          {(handoffs) =>
            handoffs.length > 0 ? (
              <Rows
                label="Newest handoffs"
                columns={columns}
                items={handoffs}
                keyOf={({ envelope_id }) => envelope_id}
                row={(handoff) => <Row handoff={handoff} />}
              />
            ) : (
              <Empty title="Nothing was handed over yet." />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

const Row = ({ handoff }: { handoff: Handoff }) => (
  <>
    <td class="dim">{shortTimeOf(handoff.created_at)}</td>
    <td>
      <a data-row href={href('what-if', handoff.envelope_id)}>
        <FromTo from={handoff.source_agent} to={handoff.target_agent} />
      </a>
    </td>
    <td class="mid" title={handoff.summary}>
      {handoff.summary}
    </td>
    <td class="num">{handoff.hop}</td>
    <td>
      <Bar value={handoff.token_count} of={handoff.max_tokens} />
      <span class="num">{number(handoff.token_count)}</span>
    </td>
  </>
)
