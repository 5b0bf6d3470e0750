/** Whose handoffs these are: the namespace, and the key if the server wants one. */

import { useState } from 'preact/hooks'
import { useKeys } from '../core/keyboard.ts'
import { currentSession, onSession, setSession } from '../core/session.ts'
import { useWatched } from '../core/watch.ts'

export function SessionSheet() {
  const session = useWatched(onSession, currentSession)
  const [open, setOpen] = useState(false)
  const close = () => setOpen(false)
  useKeys(open ? { Escape: close } : {})
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setSession({ namespace: String(form.get('namespace')).trim(), api_key: String(form.get('api_key')).trim() })
    close()
  }
  return (
    <div class="sheet">
      <button type="button" class="btn small quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        {session.namespace || (session.api_key ? 'your key' : 'default')}
        <span class="sr">: namespace and key</span>
      </button>
      {open && (
        <div class="panel">
          <form class="ask" onSubmit={save}>
            <label>
              Namespace
              <input class="field" name="namespace" value={session.namespace} placeholder="default" />
            </label>
            <label>
              API key
              <input class="field" name="api_key" type="password" value={session.api_key} autocomplete="off" />
            </label>
            <p class="second">
              A key has its own namespace; leave that one empty then. Both are kept for this tab only.
            </p>
            <div class="row">
              <button type="submit" class="btn primary">
                Use these
              </button>
              <button type="button" class="btn quiet" onClick={close}>
                Close
              </button>
            </div>
          </form>
        </div>
      )}
    </div>
  )
}
