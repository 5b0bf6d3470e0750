/** The envelope as it would be: counts against the sealed ones, what changed, its text, and the next step up. */

import type { Preview, PreviewVariant } from '../../../../spine/src/protocol/preview.ts'
import { href } from '../../core/router.ts'
import { number } from '../../core/words.ts'
import { type Ink, inkWords, LevelGlyph } from '../../pieces/glyphs.tsx'
import { Empty, Panel } from '../../pieces/panel.tsx'
import { piecesOf } from '../handoff/sections.ts'
import { type Change, changesOf, type NextStep } from './changes.ts'

type EnvelopePanelProps = {
  sealed: PreviewVariant
  variant: PreviewVariant | undefined
  preview: Preview
  steps: readonly NextStep[] | undefined
  onBudget: (budget: number) => void
}

export function EnvelopePanel({ sealed, variant, preview, steps, onBudget }: EnvelopePanelProps) {
  const fits = variant?.fits
  const changes = variant && fits ? changesOf(sealed, variant) : { less: [], more: [] }
  const changed = [...changes.less, ...changes.more]
  return (
    <Panel
      class="column envelope"
      title="The envelope"
      end={
        <>
          as sealed <span class="arrow">→</span> what if
        </>
      }
    >
      <dl class="delta">
        <div>
          <dt>tokens</dt>
          <dd>{fits ? number(variant.token_count) : '–'}</dd>
          <dd class="dim">{number(sealed.token_count)} sealed</dd>
        </div>
        {(['full', 'excerpt', 'ref'] as const).map((ink) => (
          <div key={ink}>
            <dt>
              <LevelGlyph ink={ink} /> {ink}
            </dt>
            <dd>{fits ? variant.counts[ink] : '–'}</dd>
            <dd class="dim">was {sealed.counts[ink]}</dd>
          </div>
        ))}
      </dl>
      {variant && !fits && <Empty title="It does not fit.">{variant.problem?.detail}</Empty>}
      {changed.length > 0 && <Changed changes={changed} preview={preview} />}
      {fits && changed.length === 0 && <Empty title="Nothing changes.">Every memory travels as it was sealed.</Empty>}
      {fits && variant.text !== undefined && <Text text={variant.text} changes={changed} />}
      <p class="next second">
        <Steps steps={steps} onBudget={onBudget} />
      </p>
    </Panel>
  )
}

function Changed({ changes, preview }: { changes: readonly Change[]; preview: Preview }) {
  const titles = new Map(preview.memories.map(({ id, title }) => [id, title]))
  return (
    <div class="changed">
      <table>
        <colgroup>
          {['92px', '', '84px', '118px'].map((width) => (
            <col key={width} style={width ? { width } : {}} />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th scope="col" colSpan={2}>
              Changed
            </th>
            <th scope="col">Level</th>
            <th scope="col" class="num">
              Tokens
            </th>
          </tr>
        </thead>
        <tbody>
          {changes.map(({ id, from, to, tokens_from, tokens_to }) => (
            <tr key={id}>
              <td class="mono" title={id}>
                <a data-row href={href('memories', id)}>
                  {id}
                </a>
              </td>
              <td title={titles.get(id)}>{titles.get(id)}</td>
              <td>
                <Levels from={from} to={to} />
              </td>
              <td class="num">
                <span class="dim">{number(tokens_from)} →</span> {number(tokens_to)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const Levels = ({ from, to }: { from: Ink; to: Ink }) => (
  <span class="row">
    <LevelGlyph ink={from} />
    <span class="dim">→</span>
    <LevelGlyph ink={to} />
    <span class="sr">
      {inkWords[from]} to {inkWords[to]}
    </span>
  </span>
)

function Text({ text, changes }: { text: string; changes: readonly Change[] }) {
  const touched = new Map(changes.map((change) => [change.id, change]))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys.
    <section class="read" aria-label="The text it would have" tabIndex={0}>
      {piecesOf(text).map(({ id, text: piece }, index) => {
        const change = id === undefined ? undefined : touched.get(id)
        const [first = '', ...rest] = piece.split('\n')
        const heading = first.startsWith('##')
        return (
          <span key={index}>
            {heading ? <strong>{first}</strong> : change ? <mark>{first}</mark> : id ? <em>{first}</em> : first}
            {rest.length > 0 && `\n${rest.join('\n')}`}
            {'\n'}
          </span>
        )
      })}
    </section>
  )
}

type StepsProps = Pick<EnvelopePanelProps, 'steps' | 'onBudget'>

function Steps({ steps, onBudget }: StepsProps) {
  if (!steps) return <span class="dim">Next step up: being worked out</span>
  if (steps.length === 0) return <>More tokens would bring no memory to a better level.</>
  return (
    <>
      <strong>Next step up:</strong>{' '}
      {steps.map(({ budget, change }, index) => (
        <span key={budget}>
          {index > 0 && '; '}
          <button type="button" class="plain link" onClick={() => onBudget(budget)}>
            {number(budget)}
          </button>{' '}
          {stepWords[change.to] ?? 'brings'} {change.id}
          {change.to === 'full' && ' in full'}
        </span>
      ))}
      .
    </>
  )
}

const stepWords: Partial<Record<Ink, string>> = {
  full: 'brings',
  excerpt: 'shows an excerpt of',
  ref: 'names',
}
