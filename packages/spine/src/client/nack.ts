/** The ways in which a receiver hands a delivery back. */

import type { NackKind } from '../protocol/delivery.ts'

export type Nack =
  | {
      /** It is handed out again. Default `retry`. */
      kind?: 'retry'
      /** For whoever reads the delivery's history. */
      reason: string
      /** When it is handed out again, in ms, at most 86,400,000. Default: a random part of min(30 s, 2^attempts s). */
      delay_ms?: number
    }
  | {
      /** `declined`: somebody else should do it, the fallback agent gets it. `fatal`: nobody can, it is parked. */
      kind: 'declined' | 'fatal'
      /** For whoever reads the delivery's history. */
      reason: string
    }
  | {
      /** It is parked until the sender answers with a new handoff whose `previous` is this delivery. */
      kind: 'needs_clarification'
      /** What the receiver must know before it can work, at most 2,000 characters. */
      question: string
    }
  | {
      kind: 'needs_clarification'
      /** The question, by the name that it has on the wire. */
      reason: string
    }

/** The members of the nack call: on the wire the question is the reason. */
export function nackCall(nack: Nack): { kind?: NackKind; reason: string; delay_ms?: number } {
  if (nack.kind !== 'needs_clarification' || !('question' in nack)) return nack
  const { kind, question } = nack
  return { kind, reason: question }
}
