/** What came of a redrive or a discard, in words: each id is answered for itself. */

import { call } from '../../core/call.ts'
import { refreshAll } from '../../core/live.ts'
import { plural } from '../../core/words.ts'

export type Outcome = { verb: string; done: number; failed: readonly { id: string; detail: string }[] }

type Results = { results: readonly { id: string; error?: { detail: string } | undefined }[] }

function outcomeOf(verb: string, { results }: Results): Outcome {
  refreshAll()
  return {
    verb,
    done: results.filter(({ error }) => !error).length,
    failed: results.flatMap(({ id, error }) => (error ? { id, detail: error.detail } : [])),
  }
}

export type RedriveOptions = { deadline?: string; extra_hops?: number; cycle?: 'warn' }

export const redrive = async (ids: readonly string[], options: RedriveOptions = {}): Promise<Outcome> =>
  outcomeOf('sent back', await call('parked', 'redrive', { ids: [...ids], ...options }))

export const discard = async (ids: readonly string[], reason: string): Promise<Outcome> =>
  outcomeOf('discarded', await call('parked', 'discard', { ids: [...ids], reason }))

/** A new delivery of the same envelope to somebody else; the parked one is closed with the reason. */
export async function sendElsewhere(delivery: { id: string; envelope_id: string }, target: string): Promise<Outcome> {
  const idempotency_key = `elsewhere:${delivery.id}:${target}`.slice(0, 128)
  await call('deliveries', 'send', { envelope_id: delivery.envelope_id, target, idempotency_key })
  return { ...(await discard([delivery.id], `sent to ${target} instead`)), verb: `sent to ${target}` }
}

export const outcomeText = ({ verb, done, failed }: Outcome): string =>
  [
    done > 0 && `${plural(done, 'delivery', 'deliveries')} ${verb}.`,
    ...failed.slice(0, 3).map(({ detail }) => detail),
    failed.length > 3 && `${failed.length - 3} more were not.`,
  ]
    .filter(Boolean)
    .join(' ')
