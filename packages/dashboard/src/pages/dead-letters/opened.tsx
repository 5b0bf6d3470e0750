/** One dead letter: the work at stake, what happened attempt by attempt, and what a redrive would do now. */

import { useState } from 'preact/hooks'
import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import { useKeys } from '../../core/keyboard.ts'
import { useNow } from '../../core/now.ts'
import { href } from '../../core/router.ts'
import { age, duration, number, plural, shown, timeOf } from '../../core/words.ts'
import { useAgents } from '../../data/agents.ts'
import { attemptsOf, endOf, failed, whyParked } from '../../data/attempts.ts'
import { useEnvelope, useStatus } from '../../data/handoff.ts'
import { useAction } from '../../pieces/action.tsx'
import { FromTo } from '../../pieces/bar.tsx'
import { State, StateGlyph } from '../../pieces/glyphs.tsx'
import { type Clock, clockOf, endAt, Lane, ticksOf } from '../../pieces/lane.tsx'
import { Note } from '../../pieces/panel.tsx'
import { useWidth } from '../../pieces/width.ts'
import { DiscardForm } from './discard-form.tsx'
import { type Outcome, type RedriveOptions, redrive, sendElsewhere } from './outcome.ts'

type OpenedProps = { delivery: Delivery; onDone: (outcome: Outcome) => void }

/** Past its deadline it would stay parked: a redrive gives it this much more. */
const more_time_ms = 86_400_000
const more_hops = 5

/** What this one needs beside a fresh start. */
function optionsFor({ deadline, reason = '', history }: Delivery, now: number): RedriveOptions {
  const refused = history.some(({ event }) => event === 'refused')
  return {
    ...(Date.parse(deadline) <= now && { deadline: new Date(now + more_time_ms).toISOString() }),
    ...(refused && /cycle/i.test(reason) && { cycle: 'warn' as const }),
    ...(refused && !/cycle/i.test(reason) && { extra_hops: more_hops }),
  }
}

export function Opened({ delivery, onDone }: OpenedProps) {
  const { id, envelope_id, source_agent, target, generation = 0, question } = delivery
  const now = useNow(5_000)
  const envelope = useEnvelope(envelope_id).value
  const siblings = (useStatus(envelope_id).value?.deliveries ?? []).filter((other) => other.id !== id)
  const clock = clockOf([delivery], Date.parse(delivery.created_at), now)
  const parked_at = endAt(delivery) ?? delivery.created_at
  return (
    <section class="panel opened-letter" aria-label={`${source_agent} to ${target}`}>
      <header>
        <StateGlyph state="parked" size={16} />
        <h2>
          <FromTo from={source_agent} to={target} />
        </h2>
        <span class="end">
          <code>{id}</code> · generation {generation + 1} ·{' '}
          <a class="link" href={href('handoffs', envelope_id)}>
            open handoff
          </a>
        </span>
      </header>
      <dl class="facts">
        <div>
          <dt>Parked</dt>
          <dd>
            {timeOf(parked_at)}: {whyParked(delivery)}.{' '}
            {envelope &&
              `The envelope is whole: ${number(envelope.token_count)} tokens, ${plural(envelope.completeness.gaps.length, 'gap')}.`}
          </dd>
        </div>
        {question && (
          <div>
            <dt>It asks</dt>
            <dd>{question}</dd>
          </div>
        )}
        <div>
          <dt>The work</dt>
          <dd>{envelope?.task.summary ?? ' '}</dd>
        </div>
        <div>
          <dt>Keep to</dt>
          <dd>
            {envelope &&
              (Object.entries(envelope.constraints)
                .map(([key, value]) => `${key}: ${shown(value)}`)
                .join('; ') ||
                'no constraints')}
          </dd>
        </div>
        {siblings.length > 0 && (
          <div>
            <dt>Sent with it</dt>
            <dd class="row">
              {siblings.slice(0, 6).map((other) => (
                <State key={other.id} state={other.state}>
                  {other.target}
                </State>
              ))}
            </dd>
          </div>
        )}
      </dl>
      <div class="ruler">
        <Lane delivery={delivery} clock={clock} now={now} height={36} waits />
        <Ruler clock={clock} />
      </div>
      <Attempts delivery={delivery} />
      <Acts delivery={delivery} onDone={onDone} />
    </section>
  )
}

function Ruler({ clock }: { clock: Clock }) {
  const { ref, width } = useWidth<SVGSVGElement>()
  const ticks = ticksOf(clock)
  return (
    <svg ref={ref} class="lane" height="20" width="100%" aria-hidden="true">
      {ticks.map((second) => (
        <text
          key={second}
          x={1 + (second / ((clock.to - clock.from) / 1_000)) * (width - 18)}
          y="12"
          text-anchor={second === 0 ? 'start' : 'middle'}
        >
          {second === 0
            ? timeOf(clock.from)
            : Number.isInteger(second) && second < 100
              ? `${second} s`
              : duration(second * 1_000)}
        </text>
      ))}
    </svg>
  )
}

function Attempts({ delivery }: { delivery: Delivery }) {
  const attempts = attemptsOf(delivery)
  if (attempts.length === 0) return null
  return (
    <ol>
      {attempts.map((attempt, index) => {
        const { from, to, reason, number: count } = attempt
        const next = attempts[index + 1]
        return (
          <li key={count} class="attempt">
            <span class="dim">{timeOf(from)}</span>
            <span>
              attempt {count}
              <br />
              <span class="dim">{to === undefined ? '–' : duration(to - from)}</span>
            </span>
            <div>
              <strong>{endOf(attempt)}</strong>
              {reason && <pre>{reason}</pre>}
              {failed(attempt) && (
                <span class="dim">
                  {next && to !== undefined ? `then ${duration(next.from - to)} until the next` : 'no attempt followed'}
                </span>
              )}
            </div>
          </li>
        )
      })}
    </ol>
  )
}

function Acts({ delivery, onDone }: OpenedProps) {
  const { id, source_agent, target, generation = 0 } = delivery
  const now = useNow()
  const options = optionsFor(delivery, now)
  const [asking, setAsking] = useState<'discard' | 'elsewhere'>()
  const sending = useAction(async () => onDone(await redrive([id], optionsFor(delivery, Date.now()))))
  useKeys({ r: sending.run, d: () => setAsking('discard'), Escape: () => setAsking(undefined) })
  return (
    <div class="acts">
      <BreakerNote target={target} />
      {options.deadline && <Note>Its deadline has passed. A redrive gives it one more day.</Note>}
      {options.extra_hops && <Note>Its chain is at its limit of hops. A redrive lets it go {more_hops} further.</Note>}
      {options.cycle && <Note>Its chain goes in a circle. A redrive lets it go on and warns.</Note>}
      {sending.failure && <Note tier="critical">{sending.failure.message}</Note>}
      <div class="row">
        <button type="button" class="btn primary" disabled={sending.busy} onClick={sending.run}>
          Redrive to {target}
        </button>
        <button
          type="button"
          class="btn"
          aria-expanded={asking === 'elsewhere'}
          onClick={() => setAsking(asking === 'elsewhere' ? undefined : 'elsewhere')}
        >
          Send to another agent…
        </button>
        <button
          type="button"
          class="btn danger end"
          aria-expanded={asking === 'discard'}
          onClick={() => setAsking(asking === 'discard' ? undefined : 'discard')}
        >
          Discard…
        </button>
      </div>
      {asking === 'discard' && (
        <DiscardForm
          ids={[id]}
          what={`${source_agent} → ${target}`}
          onDone={onDone}
          onKeep={() => setAsking(undefined)}
        />
      )}
      {asking === 'elsewhere' && <Elsewhere delivery={delivery} onDone={onDone} />}
      <p class="label">
        Redrive makes generation {generation + 2} with fresh attempts and the same envelope. <kbd>r</kbd> redrive{' '}
        <kbd>d</kbd> discard <kbd>j</kbd> <kbd>k</kbd> next, previous
      </p>
    </div>
  )
}

/** What the breaker of the receiver would make of it. */
function BreakerNote({ target }: { target: string }) {
  const live = useAgents()
  const now = useNow()
  const breaker = live.value?.agents.find(({ name }) => name === target)?.breaker
  if (breaker?.state === 'open') {
    const left = (breaker.retry_after_ms ?? 0) - (now - (live.at ?? now))
    return (
      <Note tier="critical">
        The breaker for {target} is open{left > 0 ? `, next probe in ${age(left)}` : ''}. If you redrive now, the
        delivery waits in the queue and spends no attempt until the probe succeeds.
      </Note>
    )
  }
  if (breaker?.state === 'half_open')
    return (
      <Note tier="warning">
        {target} is being probed. If you redrive now, the delivery waits until the probe has come back.
      </Note>
    )
  return null
}

function Elsewhere({ delivery, onDone }: OpenedProps) {
  const agents = (useAgents().value?.agents ?? []).map(({ name }) => name).filter((name) => name !== delivery.target)
  const [target, setTarget] = useState('')
  const { run, busy, failure } = useAction(async () => onDone(await sendElsewhere(delivery, target.trim())))
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault()
        run()
      }}
    >
      <p class="second">The same envelope goes to another agent; this delivery is discarded with that as its reason.</p>
      <input
        class="field"
        aria-label="Agent"
        placeholder="Agent"
        list="known-agents"
        value={target}
        onInput={(event) => setTarget(event.currentTarget.value)}
      />
      <datalist id="known-agents">
        {agents.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {failure && <p class="crit">{failure.message}</p>}
      <div class="row">
        <button type="submit" class="btn" disabled={busy || target.trim() === ''}>
          Send
        </button>
      </div>
    </form>
  )
}
