/**
 * A table that may have ten thousand rows: only those near the window are in the document, the others are room above
 * and below. Every row has the same height, columns have fixed widths, so nothing moves when rows come.
 */

import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

export type Column = { head: ComponentChildren; width?: number; num?: boolean; narrow?: boolean }

type RowsProps<T> = {
  label: string
  columns: readonly Column[]
  items: readonly T[]
  keyOf: (item: T) => string
  /** The cells of a row: <td>s. */
  row: (item: T) => ComponentChildren
  /** Rows that came since, for the wash that says so. */
  fresh?: ReadonlySet<string>
  /** Called when the end comes near. */
  onEnd?: () => void
}

const row_px = 30
const around = 20
/** At least, of a column that takes the room that is left. */
const flexible_px = 140

/** Where there is less room it scrolls in its box, so that nothing is squeezed until it cannot be read. */
const leastOf = (columns: readonly Column[]): number =>
  columns.reduce((sum, { narrow, width = flexible_px }) => sum + (narrow ? 0 : width), 0)

/** A row opens what its link opens, which stays the one thing that keys and readers come to. */
function openRow(event: MouseEvent): void {
  const target = event.target as Element
  const link = target.closest('tr')?.querySelector('a[data-row]')
  if (!link || target.closest('a, button, input, label, select') || getSelection()?.isCollapsed === false) return
  const { ctrlKey, metaKey, shiftKey } = event
  link.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }))
}

const cellClass = ({ num, narrow }: Column) => [num && 'num', narrow && 'hide-s'].filter(Boolean).join(' ')

export function Rows<T>({ label, columns, items, keyOf, row, fresh, onEnd }: RowsProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null)
  const [{ from, to }, setRange] = useState({ from: 0, to: 60 })
  const count = items.length
  const end = useRef(onEnd)
  end.current = onEnd

  const measure = () => {
    if (!body.current) return
    const above = -body.current.getBoundingClientRect().top
    const first = Math.max(0, Math.floor(above / row_px) - around)
    // Some also where the table is far below the window: it must be possible to get there by keys.
    const last = Math.max(0, Math.ceil((above + innerHeight) / row_px)) + around
    setRange((known) => (known.from === first && known.to === last ? known : { from: first, to: last }))
    if (last >= count) end.current?.()
  }
  useEffect(() => {
    const rows = body.current
    rows?.addEventListener('click', openRow)
    return () => rows?.removeEventListener('click', openRow)
  }, [])
  // With every drawing: what was asked for at the end while something else was being read is asked for again.
  useLayoutEffect(measure)
  useEffect(() => {
    addEventListener('scroll', measure, { passive: true })
    addEventListener('resize', measure)
    return () => {
      removeEventListener('scroll', measure)
      removeEventListener('resize', measure)
    }
  })

  const start = Math.min(from, Math.max(0, count - around))
  const shown = items.slice(start, to)
  const below = Math.max(0, count - start - shown.length)
  return (
    <div class="rows">
      <table aria-label={label} aria-rowcount={count + 1} style={{ minWidth: `${leastOf(columns)}px` }}>
        <colgroup>
          {columns.map((column, index) => (
            <col
              key={index}
              class={column.narrow ? 'hide-s' : ''}
              style={column.width ? { width: `${column.width}px` } : {}}
            />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column, index) => (
              <th key={index} class={cellClass(column)} scope="col">
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {start > 0 && <Room rows={start} columns={columns.length} />}
          {shown.map((item, index) => {
            const key = keyOf(item)
            return (
              <tr key={key} aria-rowindex={start + index + 2} class={fresh?.has(key) ? 'new' : ''}>
                {row(item)}
              </tr>
            )
          })}
          {below > 0 && <Room rows={below} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  )
}

const Room = ({ rows, columns }: { rows: number; columns: number }) => (
  <tr class="room">
    <td colSpan={columns} style={{ height: `${rows * row_px}px` }} />
  </tr>
)
