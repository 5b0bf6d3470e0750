/**
 * Whether a value fits a schema, asked without the copy that zod makes of all that it parses: a sealed document is taken
 * as it came, and nearly all fit. Only what is sure is affirmed here. Kinds of schema that are not known here are put to
 * zod, and so is the question why something does not fit.
 */

import type { z } from 'zod'

type Fits = (value: unknown) => boolean
type Check = (value: never) => boolean

const known = new WeakMap<z.core.$ZodType, Fits>()

/** Of a JSON value: true only for what `schema.safeParse` accepts; false where it refuses, or may. */
export const surelyFits = (schema: z.ZodType, value: unknown): boolean => fitsOf(schema)(value)

function fitsOf(schema: z.core.$ZodType): Fits {
  const fits = known.get(schema) ?? compiled(schema as z.core.$ZodTypes) ?? ((value) => safe(schema, value))
  known.set(schema, fits)
  return fits
}

const safe = (schema: z.core.$ZodType, value: unknown) => (schema as z.ZodType).safeParse(value).success

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function compiled(schema: z.core.$ZodTypes): Fits | undefined {
  const { def } = schema._zod
  const checks = checksOf(def)
  if (checks === undefined) return undefined
  const passes = (value: unknown): boolean => checks.every((check) => check(value as never))
  switch (def.type) {
    case 'string':
      return (value) => typeof value === 'string' && passes(value)
    case 'number':
      return (value) => typeof value === 'number' && Number.isFinite(value) && passes(value)
    case 'array': {
      const item = fitsOf(def.element)
      // A hole is nothing, and `every` would not look at it.
      return (value) => Array.isArray(value) && passes(value) && !value.values().some((held) => !item(held))
    }
    case 'object':
      return checks.length === 0 ? objectFits(def) : undefined
    case 'record': {
      const [key, member] = [fitsOf(def.keyType), fitsOf(def.valueType)]
      return (value) => isMap(value) && Object.entries(value).every(([name, held]) => key(name) && member(held))
    }
    case 'union': {
      const options = def.options.map(fitsOf)
      return (value) => options.some((option) => option(value))
    }
    case 'optional': {
      const inner = fitsOf(def.innerType)
      return (value) => value === undefined || inner(value)
    }
    case 'lazy': {
      let inner: Fits | undefined
      return (value) => {
        inner ??= fitsOf(def.getter())
        return inner(value)
      }
    }
    case 'enum':
      return has(Object.values(def.entries))
    case 'literal':
      return has(def.values)
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'null':
      return (value) => value === null
    case 'never':
      return () => false
    default:
      return undefined
  }
}

function has(values: readonly unknown[]): Fits {
  const set = new Set(values)
  return (value) => set.has(value)
}

/** Of an object that lets unknown members be; for the others there is no answer here. */
function objectFits({ shape, catchall }: z.core.$ZodObjectDef): Fits | undefined {
  if (catchall?._zod.def.type !== 'unknown') return undefined
  const members = Object.entries(shape).map(([name, member]) => ({ name, fits: fitsOf(member) }))
  return (value) => isMap(value) && members.every(({ name, fits }) => fits(value[name]))
}

/** What is asked beside the type; nothing where a check is not known here. */
function checksOf(def: z.core.$ZodTypeDef): Check[] | undefined {
  // A format is a schema and its own first check.
  const asked = [...('check' in def ? [def] : []), ...(def.checks ?? []).map((check) => check._zod.def)]
  const checks = asked.map((check) => checkOf(check as z.core.$ZodCheckDef))
  return checks.every((check) => check !== undefined) ? checks : undefined
}

function checkOf(asked: z.core.$ZodCheckDef): Check | undefined {
  const def = asked as unknown as z.core.$ZodChecks['_zod']['def'] | { check: 'custom'; fn(value: unknown): unknown }
  switch (def.check) {
    case 'min_length':
      return ({ length }: { length: number }) => length >= def.minimum
    case 'max_length':
      return ({ length }: { length: number }) => length <= def.maximum
    case 'greater_than':
      return (value: number) => (def.inclusive ? value >= Number(def.value) : value > Number(def.value))
    case 'less_than':
      return (value: number) => (def.inclusive ? value <= Number(def.value) : value < Number(def.value))
    case 'number_format':
      return def.format === 'safeint' ? (value: number) => Number.isSafeInteger(value) : undefined
    case 'string_format':
      return def.format === 'datetime' && def.pattern ? (value: string) => def.pattern?.test(value) === true : undefined
    case 'custom':
      return (value) => def.fn(value) === true
    default:
      return undefined
  }
}
