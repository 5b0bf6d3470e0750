/** The targets, failing ones first: their breakers, what waits for them, and what comes next. */

import type { HealthReport } from '../../../../spine/src/protocol/health.ts'
import { useNow } from '../../core/now.ts'
import { href } from '../../core/router.ts'
import { number, plural } from '../../core/words.ts'
import { BreakerGlyph, breakerWords, Pips } from '../../pieces/glyphs.tsx'
import { Empty, Panel } from '../../pieces/panel.tsx'
import { NextProbe } from '../agents/agents.tsx'

const most_shown = 6

export function Breakers({ report, at }: { report: HealthReport; at: number }) {
  const now = useNow()
  const { targets, target_count } = report
  const closed = target_count - targets.filter(({ breaker }) => breaker.state !== 'closed').length
  return (
    <Panel title="Breakers" end={`${plural(target_count, 'target')}, ${number(closed)} closed`}>
      {targets.length === 0 && <Empty title="Nobody was handed anything in this window." />}
      {targets.length > 0 && (
        <div class="rows">
          <table class="breakers">
            <colgroup>
              {['50px', '', '66px', '56px', '112px'].map((width, index) => (
                <col key={index} style={width ? { width } : {}} />
              ))}
            </colgroup>
            <thead>
              <tr>
                <th scope="col">
                  <span class="sr">State</span>
                </th>
                <th scope="col">Target</th>
                <th scope="col">In a row</th>
                <th scope="col" class="num">
                  Queue
                </th>
                <th scope="col">Next / fallback</th>
              </tr>
            </thead>
            <tbody>
              {targets.slice(0, most_shown).map(({ target, breaker, ready, fallback_agent }) => (
                <tr key={target}>
                  <td title={breakerWords[breaker.state]}>
                    <BreakerGlyph state={breaker.state} />
                  </td>
                  <td class={breaker.state === 'closed' ? '' : 'strong'} title={target}>
                    <a href={href('handoffs', undefined, { target })}>{target}</a>
                  </td>
                  <td>
                    <Pips count={Math.min(3, breaker.failures)} />
                  </td>
                  <td class="num">{number(ready)}</td>
                  <td>
                    {breaker.state === 'closed' ? (
                      <span class="dim">{fallback_agent ?? 'none'}</span>
                    ) : (
                      <NextProbe state={breaker.state} ms={(breaker.retry_after_ms ?? 0) - (now - at)} />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}
