/** Asks for a key when the server wants one, in the place of what cannot be read without it. */

import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { refusals } from '../core/call.ts'
import type { Failure } from '../core/failure.ts'
import { currentSession, onSession, setSession } from '../core/session.ts'
import { Head, Panel } from '../pieces/panel.tsx'

export function KeyGate({ children }: { children: ComponentChildren }) {
  const [refusal, setRefusal] = useState<Failure>()
  useEffect(() => refusals.add(setRefusal), [])
  useEffect(() => onSession(() => setRefusal(undefined)), [])
  if (!refusal) return <>{children}</>
  const enter = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setSession({ api_key: String(form.get('api_key')).trim(), namespace: '' })
  }
  const given = currentSession().api_key !== ''
  return (
    <>
      <Head
        title={given ? 'This key does not open this server' : 'This server wants a key'}
        sub="It is one of SPINE_API_KEYS. The page keeps it for this tab and sends it to this server only."
      />
      <Panel title="API key">
        <form class="ask" onSubmit={enter}>
          <input class="field" name="api_key" type="password" aria-label="API key" autocomplete="off" required />
          <div class="row">
            <button type="submit" class="btn primary">
              Open
            </button>
            <code class="dim">{refusal.code}</code>
          </div>
        </form>
      </Panel>
    </>
  )
}
