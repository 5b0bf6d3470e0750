/**
 * Finds where values stand in a JSON text, so that an envelope inside an answer keeps its exact characters. The text
 * has been through JSON.parse, so it is well formed: only strings and brackets need to be told apart.
 */

/** A path step that means every element of an array. */
export const EACH = '*'

const skipSpace = (text: string, at: number): number => {
  let next = at
  while (text.charCodeAt(next) <= 0x20) next += 1
  return next
}

function isEscaped(text: string, at: number): boolean {
  let before = at
  while (text[before - 1] === '\\') before -= 1
  return (at - before) % 2 === 1
}

/** The index behind the closing quote of the string that opens at `at`. */
function stringEnd(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1)
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1)
  return quote + 1
}

/** The index behind the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0
  let next = at
  for (;;) {
    const char = text[next]
    if (char === '"') next = stringEnd(text, next)
    else if (char === '{' || char === '[') {
      depth += 1
      next += 1
    } else if (char === '}' || char === ']') {
      if (depth === 0) return next
      depth -= 1
      next += 1
    } else if (depth > 0) {
      next += 1
      continue
    } else {
      while (next < text.length && !/[\s,\]}]/.test(text[next] ?? '')) next += 1
      return next
    }
    if (depth === 0) return next
  }
}

type Child = { key: string | number; start: number; end: number }

/** The members of the object, or the elements of the array, that opens at `at`. */
function* childrenOf(text: string, at: number): Generator<Child> {
  const named = text[at] === '{'
  let next = skipSpace(text, at + 1)
  for (let index = 0; text[next] !== '}' && text[next] !== ']'; index += 1) {
    let key: string | number = index
    if (named) {
      const end = stringEnd(text, next)
      key = JSON.parse(text.slice(next, end)) as string
      next = skipSpace(text, skipSpace(text, end) + 1)
    }
    const end = valueEnd(text, next)
    yield { key, start: next, end }
    next = skipSpace(text, end)
    if (text[next] === ',') next = skipSpace(text, next + 1)
  }
}

export type Located = { value: unknown; text: string }

/** The values at `path` in `document`, in the order of `locate`. */
export function valuesAt(document: unknown, path: readonly string[]): unknown[] {
  const [step, ...rest] = path
  if (step === undefined) return [document]
  if (typeof document !== 'object' || document === null || Array.isArray(document) !== (step === EACH)) return []
  const members = document as Record<string, unknown>
  if (step !== EACH) return Object.hasOwn(members, step) ? valuesAt(members[step], rest) : []
  return Object.values(members).flatMap((member) => valuesAt(member, rest))
}

/** The values at `path` in `document`, each with the exact text it was parsed from. `document` is `text`, parsed. */
export function locate(document: unknown, text: string, path: readonly string[], at = 0): Located[] {
  const start = skipSpace(text, at)
  const [step, ...rest] = path
  if (step === undefined) return [{ value: document, text: text.slice(start, valueEnd(text, start)) }]
  if (typeof document !== 'object' || document === null || Array.isArray(document) !== (step === EACH)) return []
  const members = document as Record<string | number, unknown>
  return [...childrenOf(text, start)]
    .filter(({ key }) => step === EACH || key === step)
    .flatMap(({ key, start: child }) => locate(members[key], text, rest, child))
}
