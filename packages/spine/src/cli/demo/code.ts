/**
 * Reads JavaScript and TypeScript well enough to measure it: which characters are code, where functions begin and end,
 * how deep they nest. Not a parser: on code that a formatter has been over it is right, on other code it is near.
 */

/** Characters after which a slash begins a regular expression and not a division. */
const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|await|yield))\s*$/

/** The text with the insides of strings, templates, regular expressions and comments blanked; line breaks stay. */
export function maskCode(text: string): string {
  const out: string[] = []
  /** For each open `${` of a template: how many braces stand open inside it. */
  const templates: number[] = []
  let at = 0
  const keep = (count: number) => {
    out.push(text.slice(at, at + count))
    at += count
  }
  const blank = (end: number) => {
    out.push(text.slice(at, end).replace(/[^\n]/g, ' '))
    at = end
  }
  const template = () => {
    const end = endOf(text, at, (index) => text[index] === '`' || text.startsWith('${', index))
    blank(end)
    if (text[at] === '`') blank(at + 1)
    else if (at < text.length) {
      templates.push(0)
      blank(at + 2)
    }
  }
  while (at < text.length) {
    const char = text[at] ?? ''
    if (text.startsWith('//', at)) blank(indexOr(text, '\n', at))
    else if (text.startsWith('/*', at)) blank(indexOr(text, '*/', at + 2) + 2)
    else if (char === "'" || char === '"')
      blank(endOf(text, at + 1, (index) => text[index] === char || text[index] === '\n') + 1)
    else if (char === '`') {
      blank(at + 1)
      template()
    } else if (char === '/' && beforeRegex.test(text.slice(Math.max(0, at - 20), at))) blank(endOfRegex(text, at + 1))
    else if (char === '{' && templates.length > 0) {
      templates.push((templates.pop() ?? 0) + 1)
      keep(1)
    } else if (char === '}' && templates.length > 0) {
      const open = templates.pop() ?? 0
      if (open > 0) {
        templates.push(open - 1)
        keep(1)
      } else {
        blank(at + 1)
        template()
      }
    } else keep(1)
  }
  return out.join('').slice(0, text.length)
}

const indexOr = (text: string, part: string, from: number) => {
  const found = text.indexOf(part, from)
  return found < 0 ? text.length : found
}

function endOf(text: string, from: number, stops: (index: number) => boolean): number {
  let index = from
  while (index < text.length && !stops(index)) index += text[index] === '\\' ? 2 : 1
  return Math.min(index, text.length)
}

function endOfRegex(text: string, from: number): number {
  let inClass = false
  const end = endOf(text, from, (index) => {
    if (text[index] === '[') inClass = true
    if (text[index] === ']') inClass = false
    return text[index] === '\n' || (text[index] === '/' && !inClass)
  })
  return text[end] === '/' ? end + 1 : end
}

export type FunctionSpan = {
  name: string
  /** Counts from 1. */
  line: number
  lines: number
  /** Braces open at once inside it, its own not counted. */
  depth: number
}

const headers: readonly RegExp[] = [
  /^\s*(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*([\w$]+)/,
  /^\s*(?:export\s+)?(?:const|let|var)\s+([\w$]+)[^=]*=\s*(?:async\s*)?(?:function\b|\(|<|[\w$]+\s*=>)/,
  /^\s+(?:(?:public|private|static|async|get|set|override)\s+)*(#?[\w$]+)\s*\([^;]*$/,
]
const notNames: ReadonlySet<string> = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'return',
  'function',
  'await',
  'super',
  'test',
  'describe',
  'it',
])

/** The functions of a file, given its masked lines. */
export function functionsOf(masked: readonly string[]): FunctionSpan[] {
  return masked.flatMap((line, index) => {
    const [plain, assigned, method] = headers.map((header) => header.exec(line)?.[1])
    const name = plain ?? assigned ?? method
    if (name === undefined || notNames.has(name)) return []
    const span = spanFrom(masked, index)
    const body = masked.slice(index, index + span.lines).join('\n')
    // A call over several lines looks like a method, a bracketed value like an arrow function.
    if (!plain && !(assigned ? body.includes('=>') || body.includes('function') : /\)[^()]*\{\s*$/m.test(body)))
      return []
    return [{ name, line: index + 1, ...span }]
  })
}

/** From its first line to the first one that ends with every bracket closed. */
function spanFrom(masked: readonly string[], from: number): { lines: number; depth: number } {
  let open = 0
  let braces = 0
  let deepest = 0
  for (let index = from; index < masked.length; index += 1) {
    for (const char of masked[index] ?? '') {
      if ('([{'.includes(char)) open += 1
      else if (')]}'.includes(char)) open -= 1
      if (char === '{') braces += 1
      else if (char === '}') braces -= 1
      deepest = Math.max(deepest, braces)
    }
    if (open <= 0) return { lines: index - from + 1, depth: Math.max(0, deepest - 1) }
  }
  return { lines: masked.length - from, depth: Math.max(0, deepest - 1) }
}
