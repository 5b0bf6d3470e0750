/** Where the tokens went: a staircase up to the budget, and beyond it, hatched, what stayed behind. */

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import { href } from '../../core/router.ts'
import { number, plural } from '../../core/words.ts'
import { useSealed } from '../../data/handoff.ts'
import { inkWords, LevelGlyph, LevelKey } from '../../pieces/glyphs.tsx'
import { Loaded, Panel } from '../../pieces/panel.tsx'
import { type Staircase, type Step, staircaseOf } from './staircase.ts'

const shown_trimmed = 3

export function Tokens({ envelope }: { envelope: Envelope }) {
  const live = useSealed(envelope.id)
  const { token_count, budget, receipts, completeness } = envelope
  const left = receipts.trimmed.filter(({ level }) => level === 'receipt').length + receipts.omitted_count
  return (
    <Panel
      class="stair"
      title={`${number(token_count)} of ${number(budget.max_tokens)} tokens; ${plural(left, 'memory', 'memories')} trimmed, ${plural(completeness.gaps.length, 'gap')}`}
      end={<LevelKey inks={['full', 'excerpt', 'ref', 'receipt']} />}
    >
      <Loaded live={live} what="The tokens could not be counted." goesOn="The envelope itself is whole." rows={16}>
        {(preview) => {
          const stairs = staircaseOf(envelope, preview)
          return stairs && <Stairs stairs={stairs} />
        }}
      </Loaded>
    </Panel>
  )
}

function Stairs({ stairs }: { stairs: Staircase }) {
  const [all, setAll] = useState(false)
  const { parts, memories, trimmed, more, used, budget, end, sums } = stairs
  const listed = all ? trimmed : trimmed.slice(0, shown_trimmed)
  const hidden = trimmed.length - listed.length
  const free = budget - used
  return (
    <>
      <div class="scroll-x">
        <table>
          <colgroup>
            {['36px', '92px', '', '50px', '96px', '14px', '34%', '168px'].map((width, index) => (
              <col key={index} style={width ? { width } : {}} />
            ))}
          </colgroup>
          <thead>
            <tr>
              <th scope="col">
                <span class="sr">Level</span>
              </th>
              <th scope="col" colSpan={2}>
                Memory
              </th>
              <th scope="col" class="num">
                Score
              </th>
              <th scope="col" class="num">
                Tokens / full
              </th>
              <td />
              <th scope="col" class="plot">
                <Axis end={end} budget={budget} />
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {parts.map((step) => (
              <StepRow key={step.key} step={step} stairs={stairs} />
            ))}
            {memories.map((step, index) => (
              <StepRow key={step.key} step={step} stairs={stairs} first={index === 0} />
            ))}
            <tr class="sum">
              <td />
              <td colSpan={2}>
                sealed: {number(used)} of {number(budget)}
              </td>
              <td />
              <td class="num">{number(used)}</td>
              <td />
              <td class="plot">
                <Plot stairs={stairs}>
                  {sums.map(({ ink, tokens }, index) => (
                    <i
                      key={ink}
                      class={`step ${ink} tall`}
                      style={placed(
                        sums.slice(0, index).reduce((sum, one) => sum + one.tokens, 0),
                        tokens,
                        end,
                      )}
                    />
                  ))}
                </Plot>
              </td>
              <td class="mid">{number(free)} free</td>
            </tr>
            {listed.map((step, index) => (
              <StepRow key={step.key} step={step} stairs={stairs} first={index === 0} />
            ))}
          </tbody>
        </table>
      </div>
      {hidden + more > 0 && (
        <p class="second rest">
          {number(hidden + more)} more {hidden + more === 1 ? 'was' : 'were'} trimmed.{' '}
          {hidden > 0 && (
            <button type="button" class="plain link" onClick={() => setAll(true)}>
              Show {more > 0 ? `${hidden} of them` : 'them'}
            </button>
          )}
        </p>
      )}
    </>
  )
}

const share = (tokens: number, end: number) => `${((tokens / end) * 100).toFixed(3)}%`
const placed = (at: number, tokens: number, end: number) => ({ left: share(at, end), width: share(tokens, end) })

type StepRowProps = { step: Step; stairs: Staircase; first?: boolean }

function StepRow({ step, stairs, first = false }: StepRowProps) {
  const { ink, id, title, score, tokens, full, why, at } = step
  const { end } = stairs
  const gone = ink === 'receipt'
  const ghost = Math.min(full ?? 0, end - at)
  return (
    <tr class={`${first ? 'rule' : ''} ${gone ? 'gone' : ''}`}>
      <td title={inkWords[ink]}>
        <LevelGlyph ink={ink} />
        {id && <span class="sr">{inkWords[ink]}</span>}
      </td>
      {id ? (
        <>
          <td>
            <a class="mono" data-row href={href('memories', id)} title={id}>
              {id}
            </a>
          </td>
          <td title={title}>{title}</td>
        </>
      ) : (
        <td colSpan={2}>{title}</td>
      )}
      <td class="num dim">{score}</td>
      <td class="num">
        {full === undefined || (full <= tokens && !gone) ? (
          number(tokens)
        ) : (
          <>
            {number(tokens)}
            <span class="dim"> / {number(full)}</span>
          </>
        )}
      </td>
      <td />
      <td class="plot">
        <Plot stairs={stairs}>
          {at > 0 && !gone && <b style={{ left: share(at, end) }} />}
          <i class={`step ${ink}`} style={placed(at, gone ? ghost : tokens, end)} />
          {gone && (full ?? 0) > ghost && <em aria-hidden="true">›</em>}
        </Plot>
      </td>
      <td class={id ? 'mid' : 'dim'} title={why}>
        {why}
      </td>
    </tr>
  )
}

const Plot = ({ stairs, children }: { stairs: Staircase; children: ComponentChildren }) => (
  <span class="lane" aria-hidden="true">
    <u style={{ left: share(stairs.budget, stairs.end) }} />
    {children}
  </span>
)

/** Round numbers up to where the word of the budget begins. */
function Axis({ end, budget }: { end: number; budget: number }) {
  const rough = end / 5
  const unit = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((candidate) => candidate >= rough) ?? rough
  const marks = [0, 1, 2, 3].map((index) => index * step).filter((tokens) => tokens < budget * 0.62)
  return (
    <span class="axis">
      {marks.map((tokens) => (
        <span key={tokens} style={{ left: share(tokens, end) }}>
          {number(tokens)}
        </span>
      ))}
      <strong style={{ left: share(budget, end) }}>budget {number(budget)}</strong>
    </span>
  )
}
