/** Where the page is: behind the #, so that the server has one path and every view can be linked to. */

import { useWatched, watch } from './watch.ts'

export type Route = {
  /** `overview`, `handoffs`, ... */
  page: string
  /** What is opened there. */
  id?: string
  query: Readonly<Record<string, string>>
}

const changes = watch<Route>()
let current = parse(location.hash)

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [page, ...rest] = path.split('/')
  const id = rest.length > 0 ? decodeURIComponent(rest.join('/')) : undefined
  return {
    page: page || 'overview',
    ...(id !== undefined && { id }),
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

addEventListener('hashchange', () => {
  const before = current
  current = parse(location.hash)
  for (const listener of [...changes.all]) listener(current)
  // Another page begins at its top; another filter of the same one stays where it is.
  if (before.page !== current.page || before.id !== current.id) scrollTo(0, 0)
})

const readRoute = () => current
export const useRoute = (): Route => useWatched(changes.add, readRoute)

type Query = Readonly<Record<string, string | undefined>>

export function href(page: string, id?: string, query: Query = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))
  const search = given.length > 0 ? `?${new URLSearchParams(given)}` : ''
  return `#/${page}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${search}`
}

export const go = (...to: Parameters<typeof href>): void => {
  location.hash = href(...to)
}

/** The same view with other members in its query; no step for the back button. */
export function setQuery(change: Query): void {
  history.replaceState(null, '', href(current.page, current.id, { ...current.query, ...change }))
  current = parse(location.hash)
  for (const listener of [...changes.all]) listener(current)
}
