/** The one interface: embedded and remote spines both are this, and everything above is written against it. */

import type { z } from 'zod'
import type { Contract, Operation } from './contract.ts'

/** Who is asking, as the door found out; in process the owner of the spine asks. */
export type Identity = {
  namespace: string
  /** The agent that the credential is bound to, if it is. */
  agent?: string
}

export type CallOptions = {
  /** Ends a wait early; what was stored stays. */
  signal?: AbortSignal | undefined
  /** The place in a trace that the call belongs to (W3C Trace Context). */
  traceparent?: string
  /** Only in process: on whose behalf. */
  identity?: Identity
  /**
   * Only in process: the answer is passed on as bytes and nobody looks into its envelopes, so that objects which stand
   * for their exact bytes will do.
   */
  opaque?: boolean
  /** Receives what the answer wants the caller to know beside its body. */
  onWarning?: (warning: string) => void
}

type Call<O> = O extends { input: infer I extends z.ZodType; output: infer R extends z.ZodType }
  ? (input: z.input<I>, options?: CallOptions) => Promise<z.output<R>>
  : never

export type Operations = { readonly [G in keyof Contract]: { readonly [N in keyof Contract[G]]: Call<Contract[G][N]> } }

export type Spine = Operations & {
  /** Ends what is in flight in good order. */
  close(): Promise<void>
}

/** Builds the operations by a loop over the contract: `call` gets the place in the table and the input. */
export function operationsOf(
  contract: Contract,
  call: (group: string, name: string, operation: Operation, input: unknown, options: CallOptions) => Promise<unknown>,
): Operations {
  const groups = Object.entries(contract).map(([group, entries]) => [
    group,
    Object.freeze(
      Object.fromEntries(
        Object.entries(entries as Record<string, Operation>).map(([name, operation]) => [
          name,
          (input: unknown, options: CallOptions = {}) => call(group, name, operation, input, options),
        ]),
      ),
    ),
  ])
  return Object.freeze(Object.fromEntries(groups)) as Operations
}
