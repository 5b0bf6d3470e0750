/** The page as a whole: the bar that is always there, the banner when the connection is not, and the view of the route. */

import type { FunctionComponent } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { type Route, useRoute } from './core/router.ts'
import { Agents } from './pages/agents/agents.tsx'
import { Chains } from './pages/chains/chains.tsx'
import { DeadLetters } from './pages/dead-letters/dead-letters.tsx'
import { Handoff } from './pages/handoff/handoff.tsx'
import { Handoffs } from './pages/handoffs/handoffs.tsx'
import { Memories } from './pages/memories/memories.tsx'
import { Overview } from './pages/overview/overview.tsx'
import { WhatIf } from './pages/what-if/what-if.tsx'
import { Empty, Panel } from './pieces/panel.tsx'
import { Banner } from './top/banner.tsx'
import { KeyGate } from './top/key-gate.tsx'
import { Top } from './top/top.tsx'

export type View = FunctionComponent<{ route: Route }>

const views: Readonly<Record<string, View>> = {
  overview: Overview,
  handoffs: ({ route }) =>
    route.id === undefined ? <Handoffs route={route} /> : <Handoff key={route.id} id={route.id} route={route} />,
  chains: Chains,
  'dead-letters': DeadLetters,
  agents: Agents,
  memories: Memories,
  'what-if': WhatIf,
}

const Nowhere: View = ({ route }) => (
  <Panel title="There is no such page">
    <Empty title={`Nothing is called ${route.page} here.`}>
      <a class="link" href="#/overview">
        Go to the overview
      </a>
    </Empty>
  </Panel>
)

export function App() {
  const route = useRoute()
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  // Who reads with the ears is told that the view has changed. Before it is drawn: later, the focus would be taken from
  // who has begun to type on what is seen.
  useLayoutEffect(() => {
    if (!first.current) main.current?.querySelector('h1')?.focus({ preventScroll: true })
    first.current = false
  }, [route.page, route.id])
  const Current = views[route.page] ?? Nowhere
  return (
    <>
      <button type="button" class="btn skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Patterns />
      <Top route={route} />
      <main id="main" tabIndex={-1} ref={main}>
        <Banner />
        <KeyGate>
          <Current route={route} />
        </KeyGate>
      </main>
    </>
  )
}

/** Hatches that drawings of every view use. */
const Patterns = () => (
  <svg width="0" height="0" class="patterns" aria-hidden="true">
    <defs>
      <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path class="hatch" d="M0 0v5" />
      </pattern>
      <pattern id="torn" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path class="torn" d="M0 0v7" />
      </pattern>
    </defs>
  </svg>
)
