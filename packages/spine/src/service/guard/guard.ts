/**
 * The guard at the door: texts that are going to be kept are looked through for secrets before anything sees them, so
 * that what is sealed is word for word what is stored, and no reference can bring a secret back.
 */

import { sha256 } from '../../protocol/canonical.ts'
import { SpineError } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { SecretPolicy } from '../../protocol/secrets.ts'
import { isSecretName, looksDrawn } from './own-rules.ts'
import { mayHoldSecret, type SecretSpan, secretsIn } from './scan.ts'

/** A secret that was found: where, of what kind, and a short hash that tells two of them apart. */
export type FoundSecret = { path: readonly (string | number)[]; kind: string; hash: string }

export type Guarded<T> = { input: T; found: readonly FoundSecret[] }

export type Guard = {
  /** The texts of an input that could hold a secret: most inputs have none, and need no check. */
  suspects(input: unknown): readonly Held[]
  /** Looks through these texts of an input. Throws SECRET_FOUND under `refuse`. */
  check<T>(ns: string, input: T, held: readonly Held[], warn: (warning: string) => void): Promise<Guarded<T>>
}

type Path = readonly (string | number)[]
/** `named`: its member has the name of a secret. `is_key`: the text is the last step of its path. */
type Held = { path: Path; text: string; named: boolean; is_key: boolean }

/** Characters that are looked through before others have their turn, and what a text costs beside its length. */
const TURN_CHARS = 8_192
const TEXT_CHARS = 400

/** A shorter key is looked at by nobody: nearly all keys are short names, and nearly all secrets are longer. */
const LEAST_KEY_CHARS = 16

/** Members that name things: a name is looked up, it is no text. */
const nameMembers = new Set([
  ...['id', 'task_id', 'envelope_id', 'delivery_id', 'memory_ids', 'memory_id', 'previous', 'supersedes', 'refs'],
  ...['target_agent', 'source_agent', 'target', 'agent', 'name', 'channel', 'receivers', 'author', 'by'],
  ...['lease_token', 'idempotency_key', 'if_match', 'emit'],
])
/** Lists and calls inside an input whose members have the same names. */
const wrappers = new Set(['memories', 'items', 'also', 'handoff', 'next', 'execution_history', 'amendments'])

export function createGuard(policy: SecretPolicy): Guard {
  const check: Guard['check'] = async <T>(
    ns: string,
    input: T,
    held: readonly Held[],
    warn: (warning: string) => void,
  ): Promise<Guarded<T>> => {
    const found: (FoundSecret & { path: Path })[] = []
    let output: unknown = input
    let looked = 0
    const keys = new Map<string, string>()
    for (const { path, text, named, is_key } of held) {
      looked += text.length + TEXT_CHARS
      if (looked > TURN_CHARS) {
        looked = 0
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      const spans = named && looksDrawn(text) ? [whole(text)] : await secretsIn(text)
      if (spans.length === 0) continue
      const marks = spans.map((span) => ({ ...span, hash: hashOf(ns, text.slice(span.start, span.end)) }))
      found.push(...marks.map(({ kind, hash }) => ({ path, kind, hash })))
      if (is_key) keys.set(text, redacted(text, marks))
      // A document that came sealed cannot be changed any more.
      else if (policy === 'redact' && !isSealed(path)) output = replaced(output, path, () => redacted(text, marks))
    }
    if (policy === 'redact') output = withKeys(output, held, keys)
    // A place does not say what was found in it.
    for (const one of found) one.path = one.path.map((step) => keys.get(String(step)) ?? step)
    if (found.length > 0) {
      const said = describe(found)
      if (policy === 'refuse')
        throw new SpineError('SECRET_FOUND', `The input holds what looks like a secret: ${said}.`, {
          found: found.slice(0, 20).map(({ path, kind }) => ({ path: path.join('.'), kind })),
        })
      const kept = found.some(({ path }) => isSealed(path)) ? 'kept, because the document came sealed' : 'kept'
      warn(`What looks like a secret was ${policy === 'redact' && kept === 'kept' ? 'redacted' : kept}: ${said}.`)
    }
    return { input: output as T, found }
  }
  const suspects = (input: unknown): Held[] => (policy === 'off' ? [] : heldTexts(input))
  return Object.freeze({ suspects, check })
}

const whole = (text: string): SecretSpan => ({ kind: 'assigned_secret', start: 0, end: text.length })

/** Short, and salted with the namespace: it tells that two marks were one secret, nothing about other namespaces. */
const hashOf = (ns: string, secret: string) => sha256(`${ns}\n${secret}`).slice(0, 8)

/** Also that of one of many. */
const isSealed = (path: Path) => path[path[0] === 'items' ? 2 : 0] === 'envelope'

/** The texts that could hold one. Its path is copied only for those: a call has thousands that could not. */
function heldTexts(input: unknown): Held[] {
  const held: Held[] = []
  const path: (string | number)[] = []
  const walk = (value: unknown, secret_name: boolean): void => {
    if (typeof value === 'string') {
      const named = secret_name && path.length > 1
      if ((named || mayHoldSecret(value)) && !isName(path))
        held.push({ path: [...path], text: value, named, is_key: false })
      return
    }
    if (typeof value !== 'object' || value === null) return
    const level = path.length
    if (Array.isArray(value))
      for (let index = 0; index < value.length; index += 1) {
        path[level] = index
        walk(value[index], secret_name)
      }
    else
      for (const key of Object.keys(value)) {
        path[level] = key
        if (key.length >= LEAST_KEY_CHARS && mayHoldSecret(key))
          held.push({ path: [...path], text: key, named: false, is_key: true })
        walk((value as Record<string, unknown>)[key], isSecretName(key))
      }
    path.length = level
  }
  walk(input, false)
  return held
}

function isName(path: Path): boolean {
  const steps = path.filter((step): step is string => typeof step === 'string' && !wrappers.has(step))
  return steps.length === 1 && nameMembers.has(steps[0] ?? '')
}

function redacted(text: string, marks: readonly (SecretSpan & { hash: string })[]): string {
  let shown = ''
  let at = 0
  for (const { kind, hash, start, end } of marks) {
    shown += `${text.slice(at, start)}[redacted:${kind}:${hash}]`
    at = end
  }
  shown += text.slice(at)
  if (shown.length <= limits.string_chars) return shown
  throw new SpineError('TOO_LARGE', `With its secrets redacted a text has ${shown.length} characters.`)
}

/** A copy of a value with something else at a path; what is not on the way stays the same object. */
function replaced(value: unknown, [step, ...rest]: Path, change: (there: unknown) => unknown): unknown {
  if (step === undefined) return change(value)
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? replaced(item, rest, change) : item))
  const members = value as Record<string, unknown>
  return { ...members, [step]: replaced(members[step], rest, change) }
}

/** A copy with other keys. The deepest are changed first: on the way to them the keys are as they came. */
function withKeys(value: unknown, held: readonly Held[], keys: ReadonlyMap<string, string>): unknown {
  let output = value
  for (const { path, text, is_key } of keys.size > 0 ? held.toReversed() : []) {
    const shown = is_key && !isSealed(path) ? keys.get(text) : undefined
    if (shown !== undefined)
      output = replaced(output, path.slice(0, -1), (members) => renamed(members as object, text, shown))
  }
  return output
}

/** With another name for a key, in its place; a number behind it where a neighbour has that name. */
function renamed(members: object, key: string, name: string): object {
  let free = name
  for (let count = 2; Object.hasOwn(members, free); count += 1) free = `${name} (${count})`
  if (free.length > limits.id_chars && key.length <= limits.id_chars)
    throw new SpineError('TOO_LARGE', `With its secrets redacted a key has ${free.length} characters.`)
  return Object.fromEntries(Object.entries(members).map(([other, value]) => [other === key ? free : other, value]))
}

function describe(found: readonly FoundSecret[]): string {
  const named = found.slice(0, 5).map(({ path, kind, hash }) => `${kind} ${hash} in ${path.join('.').slice(0, 80)}`)
  return found.length > 5 ? `${named.join(', ')} and ${found.length - 5} more` : named.join(', ')
}
