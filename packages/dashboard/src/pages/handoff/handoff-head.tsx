/** Who handed to whom, at which hop, and the few facts that say whether it is well. */

import type { Delivery, DeliveryState } from '../../../../spine/src/protocol/delivery.ts'
import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import type { HandoffStatus } from '../../../../spine/src/protocol/handoff.ts'
import { href } from '../../core/router.ts'
import { dateTimeOf, percent } from '../../core/words.ts'
import { Copy } from '../../pieces/controls.tsx'
import { Head } from '../../pieces/panel.tsx'

type HeadProps = { envelope: Envelope; status: HandoffStatus; before: string | undefined; after: string | undefined }

/** "2 completed, 1 parked". */
function states(deliveries: readonly Delivery[]): [DeliveryState, number][] {
  const counts = new Map<DeliveryState, number>()
  for (const { state } of deliveries) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts]
}

const toneOf: Partial<Record<DeliveryState, string>> = { parked: 'crit strong', expired: 'warn strong' }

function receiversOf({ target_agent }: Envelope, deliveries: readonly Delivery[]): { short: string; long: string } {
  const targets = [...new Set(deliveries.map(({ target }) => target))]
  const [first = target_agent] = targets
  if (targets.length <= 1) return { short: first, long: '' }
  return {
    short: `${targets.length} receivers`,
    long: targets.slice(0, 8).join(', ') + (targets.length > 8 ? ', …' : ''),
  }
}

export function HandoffHead({ envelope, status, before, after }: HeadProps) {
  const { id, chain, source_agent, digest, created_at, completeness, budget, task } = envelope
  const { short, long } = receiversOf(envelope, status.deliveries)
  const channel = status.deliveries.find((delivery) => delivery.channel)?.channel
  const { requested, resolved } = completeness
  return (
    <>
      <Head
        crumb={
          <>
            <a href={href('chains', chain.root_id)}>{task.id ?? 'Chain'}</a> / hop {chain.hop} of at most{' '}
            {chain.max_hops} <code>{id}</code>
          </>
        }
        title={
          <>
            {source_agent} <span class="arrow">→</span> {short}{' '}
            <span class="aside">
              {long}
              {channel && (
                <>
                  {' on '}
                  <code>#{channel}</code>
                </>
              )}
            </span>
          </>
        }
        tools={
          <>
            {before && (
              <a class="btn quiet" href={href('handoffs', before)}>
                ‹ hop {chain.hop - 1}
              </a>
            )}
            {after && (
              <a class="btn quiet" href={href('handoffs', after)}>
                hop {chain.hop + 1} ›
              </a>
            )}
            <a class="btn" href={href('what-if', id)}>
              What if…
            </a>
            <a class="btn" href={href('chains', chain.root_id)}>
              Open chain
            </a>
          </>
        }
      />
      <dl class="meta">
        <div>
          <dt>State</dt>
          <dd>
            {status.deliveries.length === 0 && 'sealed, not sent'}
            {states(status.deliveries).map(([state, count], index) => (
              <span key={state}>
                {index > 0 && ', '}
                <span class={toneOf[state] ?? ''}>
                  {count} {state}
                </span>
              </span>
            ))}
          </dd>
        </div>
        <div>
          <dt>Sealed</dt>
          <dd>{dateTimeOf(created_at)}</dd>
        </div>
        <div>
          <dt>Digest</dt>
          <dd>
            <Copy class="plain mono" text={digest}>
              {digest.slice(0, 15)}…{digest.slice(-8)}
            </Copy>{' '}
            <span class="tag">{status.verified ? 'verified' : 'imported'}</span>
          </dd>
        </div>
        <div>
          <dt>Complete</dt>
          <dd class={completeness.score < 1 ? 'warn strong' : ''}>
            {requested === 0
              ? 'nothing asked for by name'
              : `${resolved} of ${requested}, ${percent(completeness.score)} %`}
          </dd>
        </div>
        <div>
          <dt>Counted by</dt>
          <dd>{budget.tokenizer.replace('_base', '')}</dd>
        </div>
      </dl>
    </>
  )
}
