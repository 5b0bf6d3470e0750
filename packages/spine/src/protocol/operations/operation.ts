/** What an entry of the contract is made of, and the members that many inputs share. */

import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { name } from '../scalars.ts'

export type Operation = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Members named `:x` come from the path; of the rest, GET and DELETE read the query, the others the body. */
  path: string
  summary: string
  input: z.ZodType
  output: z.ZodType
  errors: readonly ErrorCode[]
  /** HTTP status of success, 200 unless said. */
  status?: number
  /** HTTP status where the answer says `duplicate`, if that is another one. */
  repeat_status?: number
  /** Names an input member that travels as a header. */
  headers?: Readonly<Record<string, string>>
  /** The body is one document kept byte for byte, given to the input under this name. */
  document?: string
  /** May hold the answer back on purpose, for as long as its input says. */
  waits?: true
  /** A repeat answers as before or only reads, though the method does not say so. */
  repeatable?: true
  /** Also served as server-sent events: one per item of this member of the output, page after page. */
  stream?: string
  /** Keeps texts: they are looked through for secrets first. */
  guarded?: true
  /** Creates something: `Idempotency-Key` (or `idempotency_key`) makes a repeat safe. */
  idempotent?: boolean
}

export const operation = <I extends z.ZodType, O extends z.ZodType>(
  entry: Omit<Operation, 'input' | 'output'> & { input: I; output: O },
) => Object.freeze(entry)

export const limit = z.coerce.number<number>().int().min(1).max(1_000)
export const flag = z.union([z.boolean(), z.stringbool()])
export const idempotency_key = name.optional()

/**
 * A document that is taken as it came: the very object, so that its exact bytes are still known. What it must be is
 * checked by `parseEnvelope`.
 */
export const wholeDocument = z
  .unknown()
  .refine((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'is not an object')
  .meta({ type: 'object' }) as unknown as z.ZodType<Record<string, unknown>, Record<string, unknown>>

/** A page goes on at `next`: give it back as `after`. */
export const page = <K extends string, T extends z.ZodType>(key: K, item: T) =>
  z.looseObject({ [key]: z.array(item), next: z.string().optional() } as { [P in K]: z.ZodArray<T> } & {
    next: z.ZodOptional<z.ZodString>
  })
export const after = z.string().min(1).max(300).optional()
