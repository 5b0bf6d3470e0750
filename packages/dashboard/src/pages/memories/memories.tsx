/** What the agents know: newest first, or best first for a search. One opened beside the list. */

import { useRowKeys } from '../../core/keyboard.ts'
import { href, type Route, setQuery } from '../../core/router.ts'
import { number, plural, shortTimeOf } from '../../core/words.ts'
import { type ListedMemory, useMemories } from '../../data/memories.ts'
import { Pick } from '../../pieces/controls.tsx'
import { Empty, Failed, Head, Loading } from '../../pieces/panel.tsx'
import { PinGlyph } from '../../pieces/pin.tsx'
import { type Column, Rows } from '../../pieces/rows.tsx'
import { OpenedMemory } from './opened-memory.tsx'

const kinds = ['fact', 'decision', 'message', 'reasoning', 'tool_result', 'note'] as const

const columnsFor = (searched: boolean, opened: boolean): readonly Column[] => [
  { head: <span class="sr">Pinned</span>, width: 40 },
  { head: 'Id', width: 130 },
  { head: 'Memory' },
  ...(opened
    ? []
    : [
        { head: 'Kind', width: 92, narrow: true },
        { head: 'Author', width: 130, narrow: true },
      ]),
  ...(searched ? [{ head: 'Score', width: 62, num: true }] : []),
  { head: 'Priority', width: 76 },
  { head: 'Tokens', width: 70, num: true },
  ...(opened ? [] : [{ head: 'Version', width: 68, num: true }]),
  { head: 'Updated', width: 86, num: true },
]

const keyOf = ({ id }: ListedMemory) => id

export function Memories({ route }: { route: Route }) {
  useRowKeys()
  const { q = '', kind = '', pinned = '' } = route.query
  const list = useMemories({ q, kind, pinned: pinned === 'yes' })
  const opened = route.id
  const filtered = Boolean(q || kind || pinned)
  const clear = () => setQuery({ q: undefined, kind: undefined, pinned: undefined })
  const rows = list.rows ?? []
  return (
    <>
      <Head
        title={q ? `${plural(rows.length, 'memory', 'memories')} for “${q}”` : 'Memories'}
        sub="Pinned ones travel with every envelope of their task, or of the namespace when they have none."
      />
      <div class={opened === undefined ? '' : 'two'}>
        <section class="panel">
          <div class="filters">
            <input
              class="field"
              type="search"
              aria-label="Search memories"
              placeholder="What should be known"
              value={q}
              onInput={(event) => setQuery({ q: event.currentTarget.value })}
            />
            <Pick
              label="Kind"
              value={kind}
              choices={[{ value: '', label: 'All kinds' }, ...kinds.map((value) => ({ value, label: value }))]}
              onChange={(value) => setQuery({ kind: value })}
            />
            <Pick
              label="Pins"
              value={pinned}
              choices={[
                { value: '', label: 'Pinned or not' },
                { value: 'yes', label: 'Pinned' },
              ]}
              onChange={(value) => setQuery({ pinned: value })}
            />
            {filtered && (
              <button type="button" class="plain link" onClick={clear}>
                Clear filter
              </button>
            )}
            <span class="end">{list.rows && `${number(rows.length)}${list.whole ? '' : '+'} read`}</span>
          </div>
          {!list.rows && !list.failure && <Loading rows={12} />}
          {list.failure && <Failed what="The memories could not be read." failure={list.failure} again={list.again} />}
          {list.rows && rows.length > 0 && (
            <Rows
              label="Memories"
              columns={columnsFor(q !== '', opened !== undefined)}
              items={rows}
              keyOf={keyOf}
              row={(memory) => (
                <Row memory={memory} searched={q !== ''} query={route.query} narrow={opened !== undefined} />
              )}
              onEnd={list.more}
            />
          )}
          {list.rows && rows.length === 0 && (
            <Empty title={filtered ? 'No memory matches.' : 'Nothing is remembered yet.'}>
              {filtered ? (
                <button type="button" class="plain link" onClick={clear}>
                  Clear filter
                </button>
              ) : (
                'A memory appears here as soon as an agent stores one.'
              )}
            </Empty>
          )}
        </section>
        {opened !== undefined && <OpenedMemory key={opened} id={opened} query={route.query} />}
      </div>
    </>
  )
}

type RowProps = { memory: ListedMemory; searched: boolean; narrow: boolean; query: Route['query'] }

function Row({ memory, searched, narrow, query }: RowProps) {
  const { id, title, content, kind, author, priority, tokens, version, updated_at, pinned, score, superseded_by } =
    memory
  const line = title ?? content.slice(0, 300)
  return (
    <>
      <td>{pinned && <PinGlyph />}</td>
      <td>
        <a data-row class="mono" href={href('memories', id, query)} title={id}>
          {id}
        </a>
      </td>
      <td class={superseded_by ? 'dim' : ''} title={line}>
        {superseded_by && <span class="tag">superseded</span>} {line}
      </td>
      {!narrow && <td class="mid hide-s">{kind}</td>}
      {!narrow && (
        <td class="mid hide-s" title={author}>
          {author}
        </td>
      )}
      {searched && <td class="num dim">{score?.toFixed(2)}</td>}
      <td class={priority === 'critical' || priority === 'high' ? 'strong' : 'dim'}>{priority}</td>
      <td class="num">{number(tokens)}</td>
      {!narrow && <td class="num dim">{version}</td>}
      <td class="num dim">{shortTimeOf(updated_at)}</td>
    </>
  )
}
