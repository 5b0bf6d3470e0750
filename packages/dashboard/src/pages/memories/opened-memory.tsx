/** One memory: its text, where it comes from, its versions, and its pin. */

import { useState } from 'preact/hooks'
import type { Memory } from '../../../../spine/src/protocol/memory.ts'
import { call } from '../../core/call.ts'
import { useKeys } from '../../core/keyboard.ts'
import { refreshAll } from '../../core/live.ts'
import { go, href, type Route } from '../../core/router.ts'
import { dateTimeOf, plural, shown } from '../../core/words.ts'
import { useMemory, useVersion } from '../../data/memories.ts'
import { useAction } from '../../pieces/action.tsx'
import { Copy } from '../../pieces/controls.tsx'
import { Loaded, Note } from '../../pieces/panel.tsx'
import { PinGlyph } from '../../pieces/pin.tsx'

export function OpenedMemory({ id, query }: { id: string; query: Route['query'] }) {
  const live = useMemory(id)
  const close = () => go('memories', undefined, query)
  useKeys({ Escape: close })
  return (
    <section class="panel opened-letter" aria-label={`Memory ${id}`}>
      <header>
        <h2 class="mono">{id}</h2>
        <span class="end row">
          <Copy class="btn small quiet" text={id}>
            Copy id
          </Copy>
          <button type="button" class="btn small quiet" onClick={close}>
            Close
          </button>
        </span>
      </header>
      <Loaded live={live} what="This memory could not be read." rows={8}>
        {(memory) => <Body memory={memory} />}
      </Loaded>
    </section>
  )
}

function Body({ memory }: { memory: Memory }) {
  const { id, version } = memory
  const [chosen, setChosen] = useState<number>()
  const old = useVersion(id, chosen)
  const shownVersion = chosen === undefined ? memory : old.value
  const versions = Array.from({ length: Math.min(version, 50) }, (_, index) => version - index)
  return (
    <>
      {memory.title && <p class="strong opened-title">{memory.title}</p>}
      <Facts memory={memory} />
      {memory.superseded_by && (
        <div class="ask">
          <Note>
            Superseded by{' '}
            <a class="link" href={href('memories', memory.superseded_by)}>
              {memory.superseded_by}
            </a>
            : it no longer ranks.
          </Note>
        </div>
      )}
      <Pin memory={memory} />
      {version > 1 && (
        <fieldset class="versions">
          <legend class="sr">Versions</legend>
          {versions.map((each) => (
            <button
              key={each}
              type="button"
              class="btn small"
              aria-pressed={each === (chosen ?? version)}
              onClick={() => setChosen(each === version ? undefined : each)}
            >
              v{each}
            </button>
          ))}
          <span class="label">
            {chosen === undefined ? plural(version, 'version') : old.value && dateTimeOf(old.value.updated_at)}
          </span>
        </fieldset>
      )}
      <pre class="read">{shownVersion?.content ?? old.failure?.message ?? ' '}</pre>
    </>
  )
}

function Facts({ memory }: { memory: Memory }) {
  const { kind, author, trust, priority, tokens, tags, task_id, created_at, expires_at, digest, metadata } = memory
  const rows: [string, string | undefined][] = [
    ['Kind', `${kind}, ${priority} priority, ${plural(tokens, 'token')}`],
    ['Said by', `${author} (${trust})`],
    ['Task', task_id],
    ['Tags', tags.join(', ') || undefined],
    ['Created', dateTimeOf(created_at)],
    ['Expires', expires_at && dateTimeOf(expires_at)],
    ['Digest', digest],
    ['Metadata', Object.keys(metadata).length > 0 ? shown(metadata) : undefined],
  ]
  return (
    <dl class="facts">
      {rows.map(
        ([term, value]) =>
          value && (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function Pin({ memory: { id, pinned, task_id } }: { memory: Memory }) {
  const { run, busy, failure } = useAction(async () => {
    await call('memories', pinned ? 'unpin' : 'pin', { id })
    refreshAll()
  })
  return (
    <div class="ask">
      <div class="row">
        <button type="button" class="btn" disabled={busy} aria-pressed={pinned} onClick={run}>
          {pinned ? 'Unpin' : 'Pin'}
        </button>
        <span class="second row">
          {pinned && <PinGlyph />}
          {pinned ? 'Travels with every envelope of' : 'Would travel with every envelope of'}{' '}
          {task_id ? `task ${task_id}` : 'the namespace'}
        </span>
      </div>
      {failure && <p class="crit">{failure.message}</p>}
    </div>
  )
}
