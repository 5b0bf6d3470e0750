/**
 * Inputs that somebody will send one day, by accident or not, each with the answer it must get. For tests only: the
 * scanner runs them as bytes, the server over HTTP, the stores to see that nothing of them was written.
 */

import type { ErrorCode } from './errors.ts'
import { limits } from './limits.ts'

/** What must happen: accepted, or refused with this code. */
export type HostileCase = { readonly name: string; readonly bytes: Uint8Array; readonly expect: ErrorCode | 'ok' }

/** A name or id, well-formed as JSON, and whether a name and an id may look like this. */
export type HostileName = { readonly name: string; readonly text: string; readonly allowed: boolean }

const encoder = new TextEncoder()
const MIB = 1_048_576

function bytesOf(...parts: readonly (string | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...encoder.encode(part)] : [...part])))
}

const inString = (...bytes: readonly number[]) => bytesOf('{"task":"', bytes, '"}')
const nested = (depth: number, open: string, inner: string, close: string) =>
  encoder.encode(open.repeat(depth) + inner + close.repeat(depth))
const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":0`).join(',')}}`
const items = (count: number) => `[${'0,'.repeat(count - 1)}0]`
const textOf = (chars: number) => `{"task":"${'a'.repeat(chars)}"}`

function* notUtf8(): Generator<HostileCase> {
  const sequences: Record<string, readonly number[]> = {
    'an overlong slash in two bytes': [0xc0, 0xaf],
    'an overlong NUL (C0 80)': [0xc0, 0x80],
    'the lead byte C1': [0xc1, 0xbf],
    'an overlong slash in three bytes': [0xe0, 0x80, 0xaf],
    'an overlong slash in four bytes': [0xf0, 0x80, 0x80, 0xaf],
    'a high surrogate in bytes': [0xed, 0xa0, 0x80],
    'a low surrogate in bytes': [0xed, 0xb0, 0x80],
    'a surrogate pair in bytes (CESU-8)': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    'a code point beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'the lead byte F5': [0xf5, 0x80, 0x80, 0x80],
    'the byte FF': [0xff],
    'a continuation byte alone': [0x80],
    'a Latin-1 letter': [0xe9],
    'a sequence of three bytes cut after two': [0xe2, 0x82],
    'a real replacement character, then a bad byte': [0xef, 0xbf, 0xbd, 0xff],
  }
  for (const [name, bytes] of Object.entries(sequences)) {
    yield { name: `${name} in a string`, bytes: inString(...bytes), expect: 'INVALID_JSON' }
  }
  yield { name: 'a bad byte in a key', bytes: bytesOf('{"', [0xc0, 0xaf], '":1}'), expect: 'INVALID_JSON' }
  yield { name: 'a bad byte outside strings', bytes: bytesOf('{}', [0xff]), expect: 'INVALID_JSON' }
  yield { name: 'a sequence cut by the end', bytes: bytesOf('{"task":"', [0xe2, 0x82]), expect: 'INVALID_JSON' }
  yield { name: 'UTF-8 with a byte order mark', bytes: bytesOf([0xef, 0xbb, 0xbf], '{}'), expect: 'INVALID_JSON' }
  yield {
    name: 'two byte order marks',
    bytes: bytesOf([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], '{}'),
    expect: 'INVALID_JSON',
  }
  yield {
    name: 'a byte order mark behind a space',
    bytes: bytesOf(' ', [0xef, 0xbb, 0xbf], '{}'),
    expect: 'INVALID_JSON',
  }
  yield { name: 'UTF-16, little end first', bytes: bytesOf([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), expect: 'INVALID_JSON' }
  yield { name: 'UTF-16, big end first', bytes: bytesOf([0xfe, 0xff, 0, 0x7b, 0, 0x7d]), expect: 'INVALID_JSON' }
  yield { name: 'UTF-16 without a mark', bytes: bytesOf([0x7b, 0, 0x7d, 0]), expect: 'INVALID_JSON' }
}

function* texts(): Generator<[name: string, text: string, expect: ErrorCode | 'ok']> {
  // NUL and control characters.
  yield ['a NUL byte in a string', '{"task":"a\0b"}', 'INVALID_JSON']
  yield ['a NUL byte in a key', '{"a\0b":1}', 'INVALID_JSON']
  yield ['a NUL byte between values', '{"a":\0 1}', 'INVALID_JSON']
  yield ['a NUL byte behind the document', '{}\0', 'INVALID_JSON']
  yield ['an escaped NUL in a string', '{"task":"a\\u0000b"}', 'INVALID_JSON']
  yield ['an escaped NUL in a key', '{"a\\u0000b":1}', 'INVALID_JSON']
  yield ['an escaped backslash before u0000 is text', '{"task":"a\\\\u0000b"}', 'ok']
  yield ['a raw line end in a string', '{"task":"a\r\nX-Injected: 1"}', 'INVALID_JSON']
  yield ['a raw tab in a string', '{"task":"a\tb"}', 'INVALID_JSON']

  // Surrogates.
  yield ['a lone high surrogate, escaped', '{"task":"\\ud83d"}', 'INVALID_JSON']
  yield ['a lone low surrogate, escaped', '{"task":"\\ude00"}', 'INVALID_JSON']
  yield ['a pair in the wrong order', '{"task":"\\ude00\\ud83d"}', 'INVALID_JSON']
  yield ['two low surrogates', '{"task":"\\ude00\\ude00"}', 'INVALID_JSON']
  yield ['two high surrogates', '{"task":"\\ud83d\\ud83d\\ude00"}', 'INVALID_JSON']
  yield ['a high surrogate before other text', '{"task":"\\ud83dabcdef"}', 'INVALID_JSON']
  yield ['a high surrogate before a raw pair', '{"task":"\\ud83d😀"}', 'INVALID_JSON']
  yield ['a high surrogate before an escaped backslash', '{"task":"\\ud83d\\\\ude00"}', 'INVALID_JSON']
  yield ['a lone surrogate in a key', '{"\\uD83D":1}', 'INVALID_JSON']
  yield ['an escaped pair', '{"task":"\\uD83D\\ude00"}', 'ok']

  // Keys.
  yield ['a key twice', '{"target":"a","target":"b"}', 'INVALID_JSON']
  yield ['a key twice, once escaped', '{"target":"a","t\\u0061rget":"b"}', 'INVALID_JSON']
  yield ['a key twice, escaped in two ways', '{"a\\/b":1,"a\\u002fb":2}', 'INVALID_JSON']
  yield ['the empty key twice', '{"":1,"":2}', 'INVALID_JSON']
  yield ['a key twice deep inside', '[{"a":{"b":[{"c":1,"d":2,"c":3}]}}]', 'INVALID_JSON']
  yield ['a key twice, once as a raw pair and once escaped', '{"😀":1,"\\ud83d\\ude00":2}', 'INVALID_JSON']
  yield ['the first of many keys twice', `${keys(20).slice(0, -1)},"k0":1}`, 'INVALID_JSON']
  yield ['the last of many keys twice', `${keys(20).slice(0, -1)},"k19":1}`, 'INVALID_JSON']
  yield ['one key in several objects', '[{"a":1},{"a":{"a":2}}]', 'ok']
  yield ['keys that differ in normal form only', '{"\\u00e9":1,"e\\u0301":2}', 'ok']
  yield ['the key __proto__', '{"__proto__":{"admin":true}}', 'INVALID_JSON']
  yield ['the key __proto__, escaped', '{"__pr\\u006fto__":{"admin":true}}', 'INVALID_JSON']
  yield ['the key __proto__ deep inside', '{"a":[{"b":{"__proto__":null}}]}', 'INVALID_JSON']
  yield ['constructor.prototype', '{"constructor":{"prototype":{"admin":true}}}', 'INVALID_JSON']
  yield ['the key constructor', '{"constructor":null}', 'INVALID_JSON']
  yield ['the key prototype', '{"prototype":{}}', 'INVALID_JSON']
  yield ['__proto__ as a value is text', '{"task":"__proto__"}', 'ok']
  yield ['keys of Object.prototype that reach nothing', '{"toString":1,"hasOwnProperty":2,"valueOf":3}', 'ok']

  // Numbers.
  for (const number of ['1e400', '-1e400', '1e999999999', '9'.repeat(400)]) {
    yield [`the number ${number.slice(0, 12)} beyond a double`, `{"n":${number}}`, 'INVALID_NUMBER']
  }
  for (const number of ['NaN', 'Infinity', '-Infinity'])
    yield [`the word ${number}`, `{"n":${number}}`, 'INVALID_NUMBER']
  for (const number of [
    '9007199254740992',
    '-9007199254740992',
    '9007199254740993.0',
    '12345678901234567890',
    '1e16',
    '1e300',
  ]) {
    yield [`the integer ${number} beyond 2^53-1`, `[${number}]`, 'INVALID_NUMBER']
  }
  for (const number of ['-0', '-0.0', '-0e5']) yield [`${number}`, `[${number}]`, 'INVALID_NUMBER']
  for (const number of ['0.1234567890123456', '0.30000000000000004', '9007199254740991.4', '1.0000000000000000001']) {
    yield [`the decimal ${number} with more than 15 digits`, `[${number}]`, 'INVALID_NUMBER']
  }
  for (const number of ['1e-400', '4.94065645841247e-324']) {
    yield [`the number ${number} too near to 0`, `[${number}]`, 'INVALID_NUMBER']
  }
  for (const number of [
    '9007199254740991',
    '-9007199254740991',
    '9.007199254740991e15',
    '1e15',
    '0',
    '0.0',
    '0e400',
    '1.50',
  ]) {
    yield [`the number ${number}`, `[${number}]`, 'ok']
  }
  for (const number of ['0.123456789012345', '-1.23456789012345e-7', '1E+2', '100000.000000000000000000']) {
    yield [`the number ${number}`, `[${number}]`, 'ok']
  }
  for (const number of ['01', '-01', '1.', '.5', '+1', '1e', '1e+', '-', '0x10', '1_000', '1n', '١']) {
    yield [`${number}, which is no number of JSON`, `[${number}]`, 'INVALID_JSON']
  }

  // Grammar.
  for (const text of [
    '',
    ' ',
    '{',
    '[',
    '"',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '[1,',
    '"\\',
    '"\\u12',
    'tru',
    'nul',
  ]) {
    yield [`the cut document ${JSON.stringify(text)}`, text, 'INVALID_JSON']
  }
  for (const text of [
    '{}{}',
    '[]]',
    '{,}',
    '[,]',
    '[1,]',
    '{"a":1,}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '[1 2]',
    '{a:1}',
    "{'a':1}",
  ]) {
    yield [`the document ${text}`, text, 'INVALID_JSON']
  }
  for (const text of [
    '/* */{}',
    '{}//',
    'undefined',
    'True',
    '"\\x41"',
    '"\\u00g0"',
    '"\\u+041"',
    '\u00a0{}',
    '\u2028{}',
    '\f{}',
  ]) {
    yield [`the document ${JSON.stringify(text)}`, text, 'INVALID_JSON']
  }
  yield ['raw U+2028 in a string', '{"task":"\u2028\u2029"}', 'ok']
}

function* sizes(): Generator<HostileCase> {
  const text = (name: string, json: string, expect: HostileCase['expect']) => ({
    name,
    bytes: encoder.encode(json),
    expect,
  })

  yield { name: '64 arrays inside each other', bytes: nested(limits.depth, '[', '', ']'), expect: 'ok' }
  yield { name: '64 objects inside each other', bytes: nested(limits.depth, '{"a":', '0', '}'), expect: 'ok' }
  yield { name: '65 arrays inside each other', bytes: nested(limits.depth + 1, '[', '', ']'), expect: 'TOO_DEEP' }
  yield { name: '65 objects inside each other', bytes: nested(limits.depth + 1, '{"a":', '0', '}'), expect: 'TOO_DEEP' }
  yield { name: '10,000 arrays inside each other', bytes: nested(10_000, '[', '', ']'), expect: 'TOO_DEEP' }
  yield { name: '10,000 objects inside each other', bytes: nested(10_000, '{"a":', '0', '}'), expect: 'TOO_DEEP' }
  yield { name: 'a million arrays, never closed', bytes: nested(1_000_000, '[', '', ''), expect: 'TOO_DEEP' }
  yield { name: 'a million arrays inside each other', bytes: nested(1_000_000, '[', '', ']'), expect: 'TOO_LARGE' }

  yield text('1,000 keys', keys(limits.object_keys), 'ok')
  yield text('1,001 keys', keys(limits.object_keys + 1), 'TOO_LARGE')
  yield text('50,000 keys within the body limit', keys(50_000), 'TOO_LARGE')
  yield text('a million keys', keys(1_000_000), 'TOO_LARGE')
  yield text('10,000 items', items(limits.array_items), 'ok')
  yield text('10,001 items', items(limits.array_items + 1), 'TOO_LARGE')
  yield text('500,000 items', items(500_000), 'TOO_LARGE')
  yield text('a string of 128 Ki characters', textOf(limits.string_chars), 'ok')
  yield text('a string one character longer', textOf(limits.string_chars + 1), 'TOO_LARGE')
  yield text('a key of 128 Ki characters and one', `{"${'k'.repeat(limits.string_chars + 1)}":1}`, 'TOO_LARGE')
  yield text('a long string of escapes, short as a value', `["${'\\u0061'.repeat(limits.string_chars)}"]`, 'ok')
  yield text('a long string of escapes, one too many', `["${'\\u0061'.repeat(limits.string_chars + 1)}"]`, 'TOO_LARGE')

  yield text('a long string of escaped pairs', `["${'\\ud83d\\ude00'.repeat(limits.string_chars / 2)}"]`, 'ok')
  yield text('one escaped pair too many', `["${'\\ud83d\\ude00'.repeat(limits.string_chars / 2 + 1)}"]`, 'TOO_LARGE')

  yield text('10 MiB of spaces', ' '.repeat(10 * MIB), 'TOO_LARGE')
  yield text('a document behind 10 MiB of spaces', `${' '.repeat(10 * MIB)}{}`, 'TOO_LARGE')
  yield text('spaces up to the body limit', ' '.repeat(limits.body_bytes), 'INVALID_JSON')
  yield text('a document behind spaces up to the body limit', `${' '.repeat(limits.body_bytes - 2)}{}`, 'ok')
  yield text('one byte more than the body limit', `${' '.repeat(limits.body_bytes - 1)}{}`, 'TOO_LARGE')
  yield text('a number of half a million digits', `[1${'0'.repeat(500_000)}]`, 'INVALID_NUMBER')
  yield text('a number of half a million decimals', `[0.${'1'.repeat(500_000)}]`, 'INVALID_NUMBER')
}

/** Every case, made when it is asked for: some are 10 MiB. */
export function* hostileCases(): Generator<HostileCase> {
  yield* notUtf8()
  for (const [name, text, expect] of texts()) yield { name, bytes: encoder.encode(text), expect }
  yield* sizes()
}

/**
 * Names and ids that a schema has to judge: as JSON they are all well-formed. Letters of other scripts are allowed, so
 * a homoglyph is another name and never the same one; what cannot be seen, or acts, is refused.
 */
export function* hostileNames(): Generator<HostileName> {
  const refused: Record<string, string> = {
    nothing: '',
    'a zero-width space': 'agent\u200b',
    'a zero-width joiner': 'ag\u200dent',
    'a word joiner': 'agent\u2060',
    'a byte order mark inside': 'ag\ufeffent',
    'a soft hyphen': 'ag\u00adent',
    'a right-to-left override': 'agent\u202etxt.exe',
    'a right-to-left isolate': '\u2067agent\u2069',
    'Unicode tags (an invisible text)': 'agent\u{e0001}\u{e0069}\u{e0067}',
    'a private-use character': 'agent\ue000',
    'a line separator': 'agent\u2028',
    'CRLF and a header': 'agent\r\nX-Injected: 1',
    'a line feed': 'agent\n',
    'an escape sequence of a terminal': '\u001b[2Jagent',
    'a delete character': 'agent\u007f',
    'a next-line character': 'agent\u0085',
    'a space at the end': 'agent ',
    'a no-break space at the end': 'agent\u00a0',
    'a letter not in normal form': 'cafe\u0301',
    'one dot': '.',
    'two dots': '..',
    'too long a name': 'a'.repeat(limits.id_chars + 1),
  }
  for (const [name, text] of Object.entries(refused)) yield { name, text, allowed: false }

  const allowed: Record<string, string> = {
    'a Cyrillic homoglyph': '\u0430gent',
    'another script': '調査員',
    'right-to-left letters': 'סוכן',
    'subject characters of NATS': 'a.*.>',
    'a path upwards': '../../etc/passwd',
    'quotes of SQL': "'; DROP TABLE deliveries; --",
    markup: '<script>alert(1)</script>',
    'a percent escape': '%00%2e%2e',
    'the longest name': 'a'.repeat(limits.id_chars),
  }
  for (const [name, text] of Object.entries(allowed)) yield { name, text, allowed: true }
}
