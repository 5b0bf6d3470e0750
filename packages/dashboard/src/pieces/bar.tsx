/** Tokens of a budget: full accent from 97 % on, where nothing more would fit. */

import { number } from '../core/words.ts'

const full = 0.97

export const Bar = ({ value, of }: { value: number; of: number }) => (
  <span class="bar" title={`${number(value)} of ${number(of)}`}>
    <i class={value / of >= full ? 'full' : ''} style={{ width: `${Math.min(100, (value / of) * 100)}%` }} />
  </span>
)

/** From whom to whom. */
export const FromTo = ({ from, to }: { from: string; to: string }) => (
  <>
    {from} <span class="arrow">→</span> {to}
  </>
)
