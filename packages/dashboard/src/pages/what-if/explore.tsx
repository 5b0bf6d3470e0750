/** The level map with its slider, the strategies, and the envelope as it would be. */

import { useEffect, useState } from 'preact/hooks'
import type { Strategy } from '../../../../spine/src/protocol/envelope.ts'
import type { Preview, PreviewVariant } from '../../../../spine/src/protocol/preview.ts'
import { call } from '../../core/call.ts'
import { useKeys } from '../../core/keyboard.ts'
import { useLive } from '../../core/live.ts'
import { href, type Route, setQuery } from '../../core/router.ts'
import { number, percent, plural } from '../../core/words.ts'
import { useSealed } from '../../data/handoff.ts'
import { Copy } from '../../pieces/controls.tsx'
import { LevelKey } from '../../pieces/glyphs.tsx'
import { Head, Loaded, Panel } from '../../pieces/panel.tsx'
import { changesOf, stepsAbove } from './changes.ts'
import { EnvelopePanel } from './envelope-panel.tsx'
import { LevelMap } from './level-map.tsx'
import { nearest, rangeOf } from './range.ts'
import { Slider } from './slider.tsx'
import { Strategies, strategies } from './strategies.tsx'

/** While the slider moves. */
const settle_ms = 180

export function Explore({ id, route }: { id: string; route: Route }) {
  const sealed = useSealed(id)
  useKeys({ Escape: () => history.back() })
  return (
    <Loaded live={sealed} what="This handoff could not be previewed." rows={20}>
      {(preview) => preview.sealed && <Ready id={id} route={route} preview={preview} sealed={preview.sealed} />}
    </Loaded>
  )
}

type ReadyProps = { id: string; route: Route; preview: Preview; sealed: PreviewVariant }

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), settle_ms)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}

function Ready({ id, route, preview, sealed }: ReadyProps) {
  const was = sealed.max_tokens
  const smallest = preview.variants[0]?.smallest ?? Math.min(was, 200)
  const range = rangeOf(smallest, was)
  const asked = Number(route.query.budget)
  const budget = Number.isInteger(asked) && asked > 0 ? Math.min(asked, 1_000_000) : was
  const strategy = strategies.find((each) => each === route.query.strategy) ?? preview.budget.strategy
  const set = (value: number) => setQuery({ budget: value === was ? undefined : String(value) })

  const map = useLive(`map ${id} ${strategy} ${range.budgets.join()}`, (signal) =>
    call('handoffs', 'preview', { envelope_id: id, strategies: [strategy], budgets: [...range.budgets] }, signal),
  )
  const settled = useSettled(budget)
  const exact = useLive(`exact ${id} ${settled}`, (signal) =>
    call(
      'handoffs',
      'preview',
      { envelope_id: id, strategies: [...strategies], budgets: [settled], text: true },
      signal,
    ),
  )
  const variants = map.value?.variants ?? []
  const byStrategy = exact.value?.variants ?? []
  const own = settled === budget ? byStrategy.find((variant) => variant.strategy === strategy) : undefined
  const variant = own ?? nearest(variants, budget)
  const words = wordsOf(budget, sealed, variant)
  const code = `await spine.agentHandoff({\n  // ...\n  max_tokens: ${budget},\n  strategy: '${strategy}',\n})`
  return (
    <>
      <Head
        crumb={
          <>
            <a href={href('handoffs', id)}>
              {preview.source_agent} → {preview.target_agent}
            </a>{' '}
            / What if
          </>
        }
        title={words.title}
        sub={`${words.sub} A preview: nothing is sealed, sent or stored.`}
        tools={
          <>
            <button type="button" class="btn quiet" disabled={budget === was} onClick={() => set(was)}>
              Back to {number(was)}
            </button>
            <Copy text={code}>Copy as code</Copy>
          </>
        }
      />
      <Strategies
        value={strategy}
        variants={byStrategy}
        budget={settled}
        onChange={(value) => setStrategy(value, preview)}
      />
      <div class="two what-if">
        <Panel title="What travels at which budget" end={<LevelKey inks={['full', 'excerpt', 'ref']} />}>
          <Loaded live={map} what="The map could not be drawn." rows={16}>
            {() => (
              <div class="map">
                <LevelMap
                  range={range}
                  preview={preview}
                  variants={variants}
                  budget={budget}
                  was={was}
                  smallest={smallest}
                  now={variant}
                />
                <Slider range={range} budget={budget} smallest={smallest} onChange={set} />
              </div>
            )}
          </Loaded>
        </Panel>
        <EnvelopePanel
          sealed={sealed}
          variant={variant}
          preview={preview}
          steps={variant && map.value ? stepsAbove(variant, variants) : undefined}
          onBudget={set}
        />
      </div>
    </>
  )
}

const setStrategy = (value: Strategy, { budget }: Preview) =>
  setQuery({ strategy: value === budget.strategy ? undefined : value })

/** The finding: how many memories travel with less or more text. */
function wordsOf(budget: number, sealed: PreviewVariant, variant: PreviewVariant | undefined) {
  if (!variant) return { title: `With ${number(budget)} tokens`, sub: 'Being worked out.' }
  if (!variant.fits)
    return {
      title: `${number(budget)} tokens are too few`,
      sub: `What must travel needs about ${number(variant.problem?.needed_tokens ?? variant.smallest ?? 0)}.`,
    }
  const { less, more } = changesOf(sealed, variant)
  const said = [
    less.length > 0 && `${plural(less.length, 'memory travels', 'memories travel')} with less text`,
    more.length > 0 && `${plural(more.length, 'memory travels', 'memories travel')} with more`,
  ].filter(Boolean)
  const [before, now] = [sealed.relevance, variant.relevance]
  const moves = now < before ? 'falls' : now > before ? 'rises' : 'stays'
  return {
    title: `With ${number(budget)} tokens, ${said.join(', ') || 'everything travels as sealed'}`,
    sub:
      moves === 'stays'
        ? `Relevance carried stays at ${percent(now)} %; intent and constraints are whole.`
        : `Relevance carried ${moves} from ${percent(before)} % to ${percent(now)} %; intent and constraints stay whole.`,
  }
}
