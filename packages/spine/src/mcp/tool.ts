/** What an entry of the table of tools is made of. */

import type { z } from 'zod'
import type { Session } from './session.ts'

/** What an answer tells beside its structure. */
export type CallContext = {
  /** W3C trace context of the request's `_meta`. */
  traceparent: string | undefined
  signal: AbortSignal | undefined
  /** Hears warnings, which are put beside the answer. */
  warn(warning: string): void
}

export type Tool<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = {
  title: string
  /** For a model: when to use it, and what to do next. */
  description: string
  input: I
  output: O
  /** It changes nothing. */
  reads?: true
  /** A repeat changes nothing more. */
  repeatable?: true
  run(session: Session, input: z.output<I>, context: CallContext): Promise<z.input<O>>
  /** The text beside the structure, where the structure as JSON would not read well. */
  text?(output: z.output<O>): string
}

export const tool = <I extends z.ZodType, O extends z.ZodType>(entry: Tool<I, O>): Tool =>
  Object.freeze(entry) as unknown as Tool
