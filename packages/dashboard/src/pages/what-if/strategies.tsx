/** The four strategies side by side, each with what it would cost at this budget. */

import type { Strategy } from '../../../../spine/src/protocol/envelope.ts'
import type { PreviewVariant } from '../../../../spine/src/protocol/preview.ts'
import { number } from '../../core/words.ts'

export const strategies = ['priority', 'summary_refs', 'lazy', 'full_dump'] as const

const words: Readonly<Record<Strategy, string>> = {
  priority: 'best value for tokens first',
  summary_refs: 'summaries, everything else by reference',
  lazy: 'references only, pins inline',
  full_dump: 'everything in full',
}

type StrategiesProps = {
  value: Strategy
  variants: readonly PreviewVariant[]
  budget: number
  onChange: (strategy: Strategy) => void
}

export const Strategies = ({ value, variants, budget, onChange }: StrategiesProps) => (
  <fieldset class="strategies">
    <legend class="sr">Strategy</legend>
    {strategies.map((strategy) => {
      const variant = variants.find((one) => one.strategy === strategy)
      const fits = variant?.fits ?? true
      return (
        <label key={strategy} class={fits ? '' : 'misfit'}>
          <input
            class="sr"
            type="radio"
            name="strategy"
            checked={strategy === value}
            onChange={() => onChange(strategy)}
          />
          <strong>
            {strategy}
            {variant && (
              <span class={fits ? '' : 'warn'}>
                {fits
                  ? number(variant.token_count)
                  : `needs ${number(variant.smallest ?? variant.problem?.needed_tokens ?? 0)}`}
              </span>
            )}
          </strong>
          <small>
            {words[strategy]}
            {!fits && `; does not fit ${number(budget)}`}
          </small>
        </label>
      )
    })}
  </fieldset>
)
