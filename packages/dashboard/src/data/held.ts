/** Under the pointer or the focus a live list waits: its rows stay where they are, and what came is counted. */

import { useRef, useState } from 'preact/hooks'

type Held<T> = {
  shown: readonly T[]
  /** How many came meanwhile. */
  waiting: number
  release: () => void
  /** For the element that holds the rows. */
  hold: {
    onPointerEnter: () => void
    onPointerLeave: () => void
    onFocusIn: () => void
    onFocusOut: (event: FocusEvent) => void
  }
}

export function useHeld<T>(rows: readonly T[], keyOf: (row: T) => string): Held<T> {
  const [held, setHeld] = useState<ReadonlySet<string>>()
  const pointed = useRef(false)
  const focused = useRef(false)
  const current = useRef(rows)
  current.current = rows
  const settle = () => {
    const wanted = pointed.current || focused.current
    setHeld((before) => {
      if (!wanted) return undefined
      return before ?? new Set(current.current.map(keyOf))
    })
  }
  const move = (which: { current: boolean }, to: boolean) => () => {
    which.current = to
    settle()
  }
  // What is newer than the first of them waits; older ones that were asked for by scrolling do not.
  const waiting = held
    ? Math.max(
        0,
        rows.findIndex((row) => held.has(keyOf(row))),
      )
    : 0
  return {
    shown: rows.slice(waiting),
    waiting,
    release: () => {
      pointed.current = false
      focused.current = false
      setHeld(undefined)
    },
    hold: {
      onPointerEnter: move(pointed, true),
      onPointerLeave: move(pointed, false),
      onFocusIn: move(focused, true),
      onFocusOut: (event) => {
        const inside = event.currentTarget as HTMLElement
        if (!inside.contains(event.relatedTarget as Node | null)) move(focused, false)()
      },
    },
  }
}
