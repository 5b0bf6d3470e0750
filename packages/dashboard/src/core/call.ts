/** Calls an operation of the contract. The types come from there; the path from the table beside this file. */

import type { Operations } from '../../../spine/src/protocol/spine.ts'
import { Failure, failureIn, noConnection } from './failure.ts'
import { routes } from './routes.ts'
import { sessionHeaders } from './session.ts'
import { notify, watch } from './watch.ts'

type Routes = typeof routes
type Group = keyof Routes & keyof Operations
type Name<G extends Group> = keyof Routes[G] & keyof Operations[G]
type Entry<G extends Group, N extends Name<G>> = Operations[G][N] extends (
  input: infer I,
  ...rest: never[]
) => Promise<infer O>
  ? { input: I; output: O }
  : never

/** Told when the server wants a key, or another one. */
export const refusals = watch<Failure>()

/** Throws a Failure: of the server, or NO_CONNECTION. */
export async function call<G extends Group, N extends Name<G>>(
  group: G,
  name: N,
  input: Entry<G, N>['input'],
  signal?: AbortSignal,
): Promise<Entry<G, N>['output']> {
  const [method = 'GET', path = ''] = String(routes[group][name]).split(' ')
  const members = new Map(Object.entries(input as Record<string, unknown>).filter(([, value]) => value !== undefined))
  const filled = path.replace(/:(\w+)/g, (_, key: string) => {
    const value = String(members.get(key))
    members.delete(key)
    return encodeURIComponent(value)
  })
  const query = method === 'GET' ? new URLSearchParams([...members].map(([key, value]) => [key, String(value)])) : null
  const response = await fetch(query?.size ? `${filled}?${query}` : filled, {
    method,
    headers: { ...sessionHeaders(), ...(query ? {} : { 'content-type': 'application/json' }) },
    ...(query ? {} : { body: JSON.stringify(Object.fromEntries(members)) }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    throw signal?.aborted ? error : noConnection()
  })
  if (response.ok) return (await response.json()) as Entry<G, N>['output']
  const failure = await failureIn(response)
  if (failure.status === 401) notify(refusals, failure)
  throw failure
}

export const isMissing = (error: unknown): boolean => error instanceof Failure && error.status === 404
