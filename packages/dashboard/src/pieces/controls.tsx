/** Controls that are more than a button: one of several, tabs, a choice in a list. */

import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'

type Choice<V extends string> = { value: V; label: ComponentChildren }

type SegProps<V extends string> = {
  label: string
  choices: readonly Choice<V>[]
  value: V
  onChange: (value: V) => void
}

/** One of a few, all to be seen. */
export const Seg = <V extends string>({ label, choices, value, onChange }: SegProps<V>) => (
  <fieldset class="seg">
    <legend class="sr">{label}</legend>
    {choices.map((choice) => (
      <button
        key={choice.value}
        type="button"
        aria-pressed={choice.value === value}
        onClick={() => onChange(choice.value)}
      >
        {choice.label}
      </button>
    ))}
  </fieldset>
)

/** One of many. */
export const Pick = <V extends string>({ label, choices, value, onChange }: SegProps<V>) => (
  <select class="btn" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as V)}>
    {choices.map((choice) => (
      <option key={choice.value} value={choice.value}>
        {choice.label}
      </option>
    ))}
  </select>
)

/** Tabs as the ARIA pattern has them: one stop, arrows between them. The panel is `id-panel`. */
export function Tabs<V extends string>({ id, label, choices, value, onChange }: SegProps<V> & { id: string }) {
  const bar = useRef<HTMLDivElement>(null)
  const step = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (by === undefined) return
    event.preventDefault()
    const at = choices.findIndex((choice) => choice.value === value)
    const next = choices[(at + by + choices.length) % choices.length]
    if (!next) return
    onChange(next.value)
    bar.current?.querySelector<HTMLElement>(`#${id}-${next.value}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={bar} onKeyDown={step}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          id={`${id}-${choice.value}`}
          type="button"
          role="tab"
          aria-selected={choice.value === value}
          aria-controls={`${id}-panel`}
          tabIndex={choice.value === value ? 0 : -1}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  )
}

export const TabPanel = ({ id, tab, children }: { id: string; tab: string; children: ComponentChildren }) => (
  <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${tab}`}>
    {children}
  </div>
)

type CopyProps = { text: string; children: ComponentChildren; class?: string }

/** Says that it was copied where it stands. */
export function Copy({ text, children, class: name = 'btn' }: CopyProps) {
  const copy = async ({ currentTarget: button }: { currentTarget: HTMLButtonElement }) => {
    await navigator.clipboard.writeText(text)
    button.dataset.done = 'Copied'
    setTimeout(() => delete button.dataset.done, 1_600)
  }
  return (
    <button type="button" class={name} onClick={(event) => void copy(event)}>
      {children}
    </button>
  )
}
