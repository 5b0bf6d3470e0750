/** Who asks and for which namespace. Kept for this tab only: a key has no business in a store that outlives it. */

import { notify, watch } from './watch.ts'

type Session = { api_key: string; namespace: string }

const stored = (name: string) => sessionStorage.getItem(`spine.${name}`) ?? ''

let session: Session = {
  api_key: stored('api_key'),
  namespace: new URLSearchParams(location.search).get('namespace') ?? stored('namespace'),
}

const listeners = watch<Session>()
export const onSession = listeners.add
export const currentSession = (): Session => session

export function setSession(change: Partial<Session>): void {
  session = { ...session, ...change }
  for (const [name, value] of Object.entries(session)) sessionStorage.setItem(`spine.${name}`, value)
  notify(listeners, session)
}

/** The headers of every call. */
export function sessionHeaders(): Record<string, string> {
  const { api_key, namespace } = session
  return {
    ...(api_key && { authorization: `Bearer ${api_key}` }),
    ...(namespace && { 'spine-namespace': namespace }),
  }
}
