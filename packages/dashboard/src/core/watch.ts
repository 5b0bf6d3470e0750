/** A value that changes outside of any component, and the components that follow it. */

import { useEffect, useState } from 'preact/hooks'

type Listener<T> = (value: T) => void
export type Listeners<T> = { readonly all: Set<Listener<T>>; add(listener: Listener<T>): () => void }

export function watch<T>(): Listeners<T> {
  const all = new Set<Listener<T>>()
  return {
    all,
    add(listener) {
      all.add(listener)
      return () => void all.delete(listener)
    },
  }
}

export function notify<T>(listeners: Listeners<T>, value: T): void {
  for (const listener of [...listeners.all]) listener(value)
}

/** The current value, for as long as the component is there. */
export function useWatched<T>(add: (listener: Listener<T>) => () => void, read: () => T): T {
  const [value, setValue] = useState<T>(read)
  useEffect(() => {
    // It may have changed between the first drawing and now.
    setValue(() => read())
    return add((next) => setValue(() => next))
  }, [add, read])
  return value
}
