/** Finds by id, agent or text: an id opens what it names, anything else searches the handoffs. */

import { useRef } from 'preact/hooks'
import { call, isMissing } from '../core/call.ts'
import { useKeys } from '../core/keyboard.ts'
import { go } from '../core/router.ts'

export function Find() {
  const field = useRef<HTMLInputElement>(null)
  useKeys({ '/': () => field.current?.focus() })
  const find = async (event: SubmitEvent) => {
    event.preventDefault()
    const input = field.current
    // The field itself: what was typed right before Enter may not have been drawn yet.
    const wanted = input?.value.trim() ?? ''
    if (!input || wanted === '') return
    await open(wanted)
    input.value = ''
    input.blur()
  }
  return (
    <search>
      <form class="find" onSubmit={(event) => void find(event)}>
        <svg width="13" height="13" viewBox="0 0 13 13" fill="none" stroke="currentColor" aria-hidden="true">
          <circle cx="5.5" cy="5.5" r="4" stroke-width="1.5" />
          <path d="M8.5 8.5L12 12" stroke-width="1.5" />
        </svg>
        <input
          ref={field}
          type="search"
          aria-label="Find id, agent, text"
          placeholder="Find id, agent, text"
          onKeyDown={(event) => event.key === 'Escape' && field.current?.blur()}
        />
        <kbd>/</kbd>
      </form>
    </search>
  )
}

/** Ids are the caller's own as often as ours, so what an id names is asked for, in the order of how many there are. */
async function open(wanted: string): Promise<void> {
  const single = !/\s/.test(wanted)
  const lookups: (() => Promise<void>)[] = [
    async () => go('handoffs', (await call('handoffs', 'status', { id: wanted })).envelope_id),
    async () => go('handoffs', (await call('deliveries', 'get', { id: wanted })).envelope_id),
    async () => go('memories', (await call('memories', 'get', { id: wanted })).id),
  ]
  for (const lookup of single ? lookups : [])
    try {
      return await lookup()
    } catch (error) {
      if (!isMissing(error)) break
    }
  go('handoffs', undefined, { q: wanted })
}
