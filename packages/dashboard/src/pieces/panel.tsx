/** A panel with its head, and the states that what is in it can be in: loading, failed, empty. */

import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Failure } from '../core/failure.ts'
import type { Live } from '../core/live.ts'
import { TierGlyph } from './glyphs.tsx'

type PanelProps = { title: ComponentChildren; end?: ComponentChildren; class?: string; children: ComponentChildren }

export const Panel = ({ title, end, class: name = '', children }: PanelProps) => (
  <section class={`panel ${name}`}>
    <header>
      <h2>{title}</h2>
      {end !== undefined && <span class="end">{end}</span>}
    </header>
    {children}
  </section>
)

/** Nothing for 300 ms, then hairlines at row height: what comes has the same size, so nothing moves. */
export function Loading({ rows = 6 }: { rows?: number }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div
      class={late ? 'skeleton' : ''}
      style={{ height: `calc(var(--row) * ${rows})` }}
      role="status"
      aria-label="Loading"
    />
  )
}

type FailedProps = { what: string; goesOn?: string; failure: Failure; again?: (() => void) | undefined }

/** Inside the panel that failed: what could not be done, what still works, the code, one button. */
export const Failed = ({ what, goesOn, failure, again }: FailedProps) => (
  <div class="inset failed" role="alert">
    <TierGlyph tier="critical" />
    <div>
      <strong>{what}</strong>
      <p class="second">
        {failure.message} {failure.next} {goesOn}
      </p>
      <p>
        <code class="dim">
          {[failure.code, failure.status, failure.retryable && 'retryable'].filter(Boolean).join(' · ')}
        </code>
      </p>
      {again && (
        <button type="button" class="btn small" onClick={again}>
          Read again
        </button>
      )}
    </div>
  </div>
)

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="inset">
    <strong>{title}</strong>
    {children && <div class="second">{children}</div>}
  </div>
)

/** What is so, each with its name in front. */
export const Facts = ({ facts }: { facts: readonly (readonly [term: string, value: string])[] }) => (
  <ul class="ledger">
    {facts.map(([term, value]) => (
      <li key={term}>
        <span class="dim">{term}</span>
        <div>{value}</div>
      </li>
    ))}
  </ul>
)

type LoadedProps<T> = {
  live: Live<T>
  what: string
  goesOn?: string
  rows?: number
  children: (value: T) => ComponentChildren
}

/** What was read, or why it is not there. A value that could be read once stays while a later reading fails. */
export function Loaded<T>({ live, what, goesOn, rows, children }: LoadedProps<T>) {
  const { value, failure, again } = live
  if (value !== undefined) return <>{children(value)}</>
  if (failure) return <Failed what={what} failure={failure} again={again} {...(goesOn && { goesOn })} />
  return <Loading {...(rows && { rows })} />
}

type HeadProps = {
  crumb?: ComponentChildren
  title: ComponentChildren
  sub?: ComponentChildren
  tools?: ComponentChildren
}

/** The finding in words, and what can be done about it. */
export const Head = ({ crumb, title, sub, tools }: HeadProps) => (
  <div class="head">
    <div>
      {crumb && <p class="crumb">{crumb}</p>}
      <h1 tabIndex={-1}>{title}</h1>
      {sub !== undefined && <p class="sub">{sub}</p>}
    </div>
    {tools && <div class="tools">{tools}</div>}
  </div>
)

export const Note = ({ tier, children }: { tier?: 'critical' | 'warning'; children: ComponentChildren }) => (
  <div class="note">
    {tier && <TierGlyph tier={tier} />}
    <span>{children}</span>
  </div>
)
