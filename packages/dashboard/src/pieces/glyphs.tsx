/**
 * The codes of the page. Round: where a delivery is, more ink is further along. Square: how much of a memory travels,
 * more ink is more text. Pointed: somebody should look. A switch is a breaker. A glyph never stands without its word,
 * unless the head of its row or column says it.
 */

import type { ComponentChildren } from 'preact'
import type { DeliveryState } from '../../../spine/src/protocol/delivery.ts'

/** Part of a disc of 3.6 px around the middle, clockwise from the top. */
function slice(share: number): string {
  const angle = share * 2 * Math.PI
  const [x, y] = [7 + 3.6 * Math.sin(angle), 7 - 3.6 * Math.cos(angle)].map((value) => value.toFixed(2))
  return `M7 7V3.4A3.6 3.6 0 ${share > 0.5 ? 1 : 0} 1 ${x} ${y}Z`
}

const ring = <circle cx="7" cy="7" r="5.6" />
const disc = <circle class="fill" cx="7" cy="7" r="6.3" />

const rounds: Readonly<Record<DeliveryState, ComponentChildren>> = {
  ready: ring,
  leased: [ring, <path key="slice" class="fill" d={slice(0.25)} />],
  accepted: [ring, <path key="slice" class="fill" d={slice(0.66)} />],
  completed: [disc, <path key="tick" class="cut" d="M4.2 7.2l2 2 3.6-4.2" />],
  parked: [disc, <path key="bars" class="cut" d="M5.4 4.6v4.8M8.6 4.6v4.8" />],
  expired: [
    <circle key="clock" cx="7" cy="7" r="5.6" stroke-dasharray="2.2 1.6" />,
    <path key="hands" d="M7 4.2V7l1.8 1.4" />,
  ],
  cancelled: [ring, <path key="slash" d="M3.2 10.8l7.6-7.6" />],
  discarded: [ring, <path key="cross" d="M4.7 4.7l4.6 4.6M9.3 4.7L4.7 9.3" />],
  rerouted: <path d="M2 10V6.5A2.5 2.5 0 0 1 4.5 4H12M9.5 1.5L12 4 9.5 6.5" />,
}

type Placed = { x?: number; y?: number }

export const StateGlyph = ({ state, size = 14, ...placed }: { state: DeliveryState; size?: number } & Placed) => (
  <svg class={`round ${state}`} width={size} height={size} viewBox="0 0 14 14" aria-hidden="true" {...placed}>
    {rounds[state]}
  </svg>
)

/** Glyph and word. */
export const State = ({ state, children }: { state: DeliveryState; children?: ComponentChildren }) => (
  <span class={`state ${state}`}>
    <StateGlyph state={state} />
    <span>{children ?? state}</span>
  </span>
)

/** `part`: of the envelope itself, not a memory. `receipt` is what was trimmed. */
export type Ink = 'full' | 'excerpt' | 'ref' | 'receipt' | 'gap' | 'part'

const box = <rect x="1.75" y="1.75" width="8.5" height="8.5" rx=".5" />

const squares: Readonly<Record<Ink, ComponentChildren>> = {
  full: <rect class="fill" x="1" y="1" width="10" height="10" rx="1" />,
  excerpt: [box, <rect key="half" class="fill" x="1.75" y="6" width="8.5" height="4.25" />],
  ref: box,
  receipt: [
    <rect key="box" x="1.75" y="1.75" width="8.5" height="8.5" rx=".5" stroke-dasharray="2 1.5" />,
    <path key="slash" d="M3.5 8.5l5-5" />,
  ],
  gap: <path d="M4.5 1.75H1.75v8.5H4.5M7.5 1.75h2.75v8.5H7.5" />,
  part: <rect class="fill" x="1" y="4.5" width="10" height="3" />,
}

export const inkWords: Readonly<Record<Ink, string>> = {
  full: 'full',
  excerpt: 'excerpt',
  ref: 'ref',
  receipt: 'trimmed',
  gap: 'gap',
  part: 'not a memory',
}

export const LevelGlyph = ({ ink }: { ink: Ink }) => (
  <svg class={`square ${ink}`} width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
    {squares[ink]}
  </svg>
)

export const LevelKey = ({ inks }: { inks: readonly Ink[] }) => (
  <span class="key">
    {inks.map((ink) => (
      <span key={ink}>
        <LevelGlyph ink={ink} />
        {inkWords[ink]}
      </span>
    ))}
  </span>
)

export type Tier = 'critical' | 'warning' | 'info'

const points: Readonly<Record<Tier, ComponentChildren>> = {
  critical: [
    <path key="shape" class="crit-fill" d="M7 .4L13.6 7 7 13.6.4 7z" />,
    <path key="mark" class="cut" d="M7 4v3.6M7 10v.01" />,
  ],
  warning: [
    <path key="shape" class="warn-fill" d="M7 .8L13.8 13H.2z" />,
    <path key="mark" class="cut" d="M7 5.4v3M7 10.8v.01" />,
  ],
  info: <path class="hollow" d="M7 1.4L12.6 7 7 12.6 1.4 7z" />,
}

export const TierGlyph = ({ tier, size = 14, ...placed }: { tier: Tier; size?: number } & Placed) => (
  <svg class="tier" width={size} height={size} viewBox="0 0 14 14" role="img" aria-label={tier} {...placed}>
    {points[tier]}
  </svg>
)

export type BreakerState = 'closed' | 'half_open' | 'open'

const arms: Readonly<Record<BreakerState, string>> = {
  closed: 'M7 8h12',
  half_open: 'M7 8L18 5.5',
  open: 'M7 8L17 1.5',
}
export const breakerWords: Readonly<Record<BreakerState, string>> = {
  closed: 'closed',
  half_open: 'half-open',
  open: 'open',
}

export const BreakerGlyph = ({ state }: { state: BreakerState }) => (
  <svg class={`switch ${state}`} width="26" height="12" viewBox="0 0 26 12" role="img" aria-label={breakerWords[state]}>
    <path d="M0 8h7M19 8h7" />
    <path class="arm" d={arms[state]} />
    <circle cx="7" cy="8" r="1.6" />
    <circle cx="19" cy="8" r="1.6" />
  </svg>
)

/** Failures in a row, of the three that open a breaker. */
export const Pips = ({ count, of = 3 }: { count: number; of?: number }) => (
  <span class="pips" role="img" aria-label={`${count} of ${of}`}>
    {Array.from({ length: of }, (_, index) => (
      <i key={index} class={index < count ? 'on' : ''} />
    ))}
  </span>
)

/** The seal of the house: a few vertebrae. */
export const Mark = () => (
  <svg width="18" height="20" viewBox="0 0 18 20" class="mark" aria-hidden="true">
    <rect x="5" width="8" height="4" rx="1.5" />
    <rect x="3" y="5.3" width="12" height="4" rx="1.5" />
    <rect x="1" y="10.6" width="16" height="4" rx="1.5" />
    <rect x="3.5" y="15.9" width="11" height="4" rx="1.5" />
  </svg>
)
