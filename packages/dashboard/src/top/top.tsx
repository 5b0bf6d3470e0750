/** The bar: where one can go, what waits there, how to find something, whether the figures are live. */

import type { Route } from '../core/router.ts'
import { href } from '../core/router.ts'
import { useConnection } from '../core/stream.ts'
import { useParked } from '../data/parked.ts'
import { Mark } from '../pieces/glyphs.tsx'
import { Find } from './find.tsx'
import { SessionSheet } from './session-sheet.tsx'
import { ThemeButton } from './theme-button.tsx'

const places = [
  ['overview', 'Overview'],
  ['handoffs', 'Handoffs'],
  ['chains', 'Chains'],
  ['what-if', 'What-if'],
  ['dead-letters', 'Dead letters'],
  ['agents', 'Agents'],
  ['memories', 'Memories'],
] as const

const connectionWords = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' } as const

export function Top({ route }: { route: Route }) {
  const parked = useParked().value?.deliveries.length ?? 0
  const { state } = useConnection()
  return (
    <header class="top">
      <a class="brand" href={href('overview')} aria-label="Memory Spine">
        <Mark />
        <span>Memory Spine</span>
      </a>
      <nav aria-label="Main">
        {places.map(([page, word]) => (
          <a key={page} href={href(page)} {...(page === route.page && { 'aria-current': 'page' as const })}>
            <span data-word={word}>{word}</span>
            {page === 'dead-letters' && parked > 0 && (
              <span class="count">
                {parked}
                <span class="sr"> parked</span>
              </span>
            )}
          </a>
        ))}
      </nav>
      <div class="right">
        <Find />
        <span class={`live ${state === 'lost' ? 'off' : ''}`} role="status" title="Event stream">
          <i />
          <span>{connectionWords[state]}</span>
        </span>
        <SessionSheet />
        <ThemeButton />
      </div>
    </header>
  )
}
