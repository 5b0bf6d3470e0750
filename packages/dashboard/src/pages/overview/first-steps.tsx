/** Before the first handoff: three calls, ticked off by what happens, and what this server is. */

import { useEffect, useState } from 'preact/hooks'
import { call } from '../../core/call.ts'
import { useLive } from '../../core/live.ts'
import { useConnection } from '../../core/stream.ts'
import { number } from '../../core/words.ts'
import type { DeliveryList } from '../../data/delivery-list.ts'
import { Copy, Seg } from '../../pieces/controls.tsx'
import { Facts, Panel } from '../../pieces/panel.tsx'
import { type Language, languages, programIn, stepsIn } from './first-calls.ts'

const titles = ['Store what the next agent must know', 'Hand over', 'Receive and acknowledge'] as const
const look_ms = 2_000
const waits = ['waiting for the first memory', 'waiting for the first handoff', 'waiting for the first acknowledgement']

export function FirstSteps({ list }: { list: DeliveryList }) {
  const [language, setLanguage] = useState<Language>('TypeScript')
  const memories = useLive('first memory', (signal) => call('memories', 'list', { limit: 1 }, signal))
  const known = (memories.value?.memories.length ?? 0) > 0
  // A memory is no event of its own: it is looked for until there is one.
  useEffect(() => {
    if (known) return
    const timer = setInterval(memories.again, look_ms)
    return () => clearInterval(timer)
  }, [known])
  const rows = list.rows ?? []
  const done = [known, rows.length > 0, rows.some(({ accepted_at }) => accepted_at !== undefined)]
  const now = done.lastIndexOf(true) + 1
  return (
    <div class="two">
      <Panel
        class="first"
        title="Three calls, one finished handoff"
        end={
          <Seg
            label="Language"
            choices={languages.map((value) => ({ value, label: value }))}
            value={language}
            onChange={setLanguage}
          />
        }
      >
        <ol class="steps">
          {stepsIn(language, location.origin).map((code, index) => (
            <li key={titles[index]} class={index === now ? 'now' : ''}>
              <span class="ring" aria-hidden="true">
                {index < now ? '✓' : index + 1}
              </span>
              <div>
                <strong>{titles[index]}</strong>
                {index === now && <span class="pill">{waits[index]}</span>}
                {index < now && <span class="sr"> done</span>}
                <pre class="code">{code}</pre>
              </div>
            </li>
          ))}
        </ol>
        <div class="ask">
          <div class="row">
            <Copy text={programIn(language, location.origin)}>Copy all three</Copy>
          </div>
        </div>
      </Panel>
      <div class="stack side">
        <Panel title="No agents at hand?">
          <div class="ask">
            <p class="second">
              A chain of four agents audits the sources of this program, by summaries and by envelopes, in a server of
              its own, and says what each way lost. Recorded runs can be played into this one.
            </p>
            <pre class="code">npx memory-spine demo</pre>
            <div class="row">
              <Copy text="npx memory-spine demo">Copy command</Copy>
            </div>
          </div>
        </Panel>
        <ThisServer />
        <p class="second">
          More:{' '}
          <a class="link" href="/docs">
            the API, with curl
          </a>
        </p>
      </div>
    </div>
  )
}

type Health = { uptime_s: number }

function ThisServer() {
  const { state } = useConnection()
  const agents = useLive('agents', (signal) => call('agents', 'list', { limit: 1_000 }, signal))
  const health = useLive('healthz', async (signal) => (await (await fetch('/healthz', { signal })).json()) as Health)
  const count = agents.value?.agents.length
  const facts: [string, string][] = [
    ['Address', location.origin],
    ['Open to', /^(127\.|localhost|\[::1\])/.test(location.hostname) ? 'this machine only' : location.hostname],
    ['Events', state === 'live' ? 'connected, waiting' : state],
    ['Agents', count ? number(count) : 'none yet'],
  ]
  return (
    <Panel title="This server" end={health.value && `up for ${health.value.uptime_s} s`}>
      <Facts facts={facts} />
    </Panel>
  )
}
