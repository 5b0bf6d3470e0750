import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hostileCases } from './hostile-corpus.ts'
import { anyValue, codes, encoder, parse, refusal, textDecoder, verdict } from './json-values.test.ts'
import { type Limits, limits } from './limits.ts'
import { type ParsedJson, parseJson } from './scan.ts'

/** Objects with lists at the top, of which one may have envelopes that came whole. */
const anyBatch = fc.dictionary(
  fc.constantFrom('items', 'others', 'envelope'),
  fc.array(fc.oneof(anyValue, fc.dictionary(fc.constantFrom('envelope', 'other'), anyValue)), { maxLength: 4 }),
)

const ordinary = JSON.stringify({
  envelope: { id: 'e1', task: { intent: 'Grüße 😀 an "alle"\n', state: { done: [1, -2.5e-3, true, null] } } },
  target: 'agent',
})

describe('parseJson', () => {
  for (const { name, bytes, expect } of hostileCases()) {
    test(`${expect === 'ok' ? 'accepts' : `answers ${expect} to`} ${name}`, () => {
      assert.equal(
        verdict(() => parseJson(bytes)),
        expect,
      )
    })
  }

  const membersOf = (value: unknown): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  /** What stands at the top, and the envelopes of items. */
  const placesOf = (value: unknown): [string, unknown][] =>
    membersOf(value).flatMap(([key, held]): [string, unknown][] => {
      const envelopes = (key === 'items' && Array.isArray(held) ? held : []).flatMap((item, index) =>
        membersOf(item)
          .filter(([member, inside]) => member === 'envelope' && typeof inside === 'object' && inside !== null)
          .map(([, inside]): [string, unknown] => [`items/${index}/envelope`, inside]),
      )
      return [[key, held], ...envelopes]
    })

  test('gives back every value within the limits, and each top-level member by its bytes', () => {
    fc.assert(
      fc.property(fc.oneof(anyValue, anyBatch), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const bytes = encoder.encode(JSON.stringify(value, null, indent))
        const parsed = parseJson(bytes)
        assert.deepEqual(parsed.value, JSON.parse(JSON.stringify(value)))
        const places = new Map(placesOf(parsed.value))
        assert.deepEqual(new Set(parsed.spans.keys()), new Set(places.keys()))
        for (const [key, { start, end, written }] of parsed.spans) {
          const text = textDecoder.decode(bytes.subarray(start, end))
          assert.equal(text, text.trim())
          assert.deepEqual(JSON.parse(text), places.get(key))
          if (written !== undefined) assert.deepEqual([written, JSON.stringify(places.get(key))], [text, text])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('keeps the exact bytes of a member, whatever the sender wrote', () => {
    const envelope = '{ "b" : 1.50,\r\n"a":"\\u00e9 é 😀" }'
    const bytes = encoder.encode(` {"ключ": "😀", "envel\\u006fpe" :\t${envelope} , "target":"x"} `)
    const span = parseJson(bytes).spans.get('envelope')
    assert.equal(textDecoder.decode(bytes.subarray(span?.start, span?.end)), envelope)
  })

  test('keeps the exact bytes of the envelope of each of many', () => {
    const bytes = encoder.encode('{"ключ":"é","items":[{"envelope":{ "é":1 }},2,{"a":0, "envelope" : {"b":2.0}}]}')
    const { spans } = parseJson(bytes)
    const at = (key: string) => textDecoder.decode(bytes.subarray(spans.get(key)?.start, spans.get(key)?.end))
    assert.deepEqual([at('items/0/envelope'), at('items/2/envelope')], ['{ "é":1 }', '{"b":2.0}'])
  })

  test('has no spans for other members of many, of which a body can have a hundred thousand', () => {
    const members = '{"a":{},"b":[],"envelope":{}}'
    for (const text of [`{"items":[${members}],"more":[${members}]}`, `{"items":[${members}], "more":[${members}]}`])
      assert.deepEqual([...parse(text).spans.keys()].toSorted(), ['items', 'items/0/envelope', 'more'])
  })

  test('has no spans for members of inner objects or of other documents', () => {
    assert.deepEqual([...parse('{"a":{"b":{"c":1}},"d":{"e":[{"f":2}]}}').spans.keys()], ['a', 'd'])
    assert.equal(parse('[{"a":1}]').spans.size, 0)
    assert.equal(parse('"a"').spans.size, 0)
  })

  test('decides the same of what a program wrote and of the same with a space behind it', () => {
    const small = { ...limits, depth: 4, object_keys: 3, array_items: 3, string_chars: 5 }
    const piece = fc.oneof(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '{"a":', '"b":', '"a"', '"__proto__":1', '"constructor":', 'null'),
      fc.constantFrom(
        '1',
        '-0',
        '0.1',
        '1.0',
        '1e21',
        '9007199254740993',
        '0.30000000000000004',
        '1e999',
        '123456789012345',
      ),
      fc.constantFrom('"abcdef"', '"\\u0000"', '"\\ud800"', '"\\n"', '"é"', '"\u2028"', '"1":', '"é":'),
    )
    const made = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    const written = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'constructor'), fc.jsonValue({ maxDepth: 5 }))
    const deep = fc.nat({ max: 6 }).map((depth) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    const placed = ({ value, spans }: ParsedJson) => [
      value,
      [...spans].map(([key, { start, end }]) => [key, start, end]),
    ]
    const answers = new Map<string, number>()
    fc.assert(
      fc.property(
        fc.oneof(
          deep,
          made,
          made.map((text) => `{"a":${text}}`),
          written.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const short = verdict(() => parse(text, small))
          assert.equal(
            short,
            verdict(() => parse(`${text} `, small)),
          )
          answers.set(short, (answers.get(short) ?? 0) + 1)
          if (short === 'ok') assert.deepEqual(placed(parse(text, small)), placed(parse(`${text} `, small)))
        },
      ),
      { numRuns: 5_000 },
    )
    assert.deepEqual(new Set(answers.keys()), new Set(['ok', ...codes]))
  })

  test('reads a part of a larger buffer', () => {
    const bytes = encoder.encode('xx{"a":1}xx').subarray(2, 9)
    assert.deepEqual(parseJson(bytes).spans.get('a'), { start: 5, end: 6, written: '1' })
  })

  test('agrees with JSON.parse on every mutation that it accepts', () => {
    let accepted = 0
    const mutation = fc.record({
      at: fc.nat(),
      cut: fc.integer({ min: 0, max: 2 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 2 }),
        fc
          .constantFrom(...'{}[],:"\\0123456789.eE-+ \n', 'null', '\\u0041', '\\ud83d')
          .map((text) => encoder.encode(text)),
      ),
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constant(ordinary),
          anyValue.map((value) => JSON.stringify(value)),
        ),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (text, mutations) => {
          let bytes = encoder.encode(text)
          for (const { at, cut, insert } of mutations) {
            const place = at % (bytes.length + 1)
            bytes = Uint8Array.from([...bytes.subarray(0, place), ...insert, ...bytes.subarray(place + cut)])
          }
          let value: unknown
          if (
            verdict(() => {
              value = parseJson(bytes).value
            }) !== 'ok'
          )
            return
          accepted++
          assert.deepEqual(value, JSON.parse(textDecoder.decode(bytes)))
        },
      ),
      { numRuns: 3_000 },
    )
    assert.ok(accepted > 100, `only ${accepted} mutations were accepted: the property says little`)
  })

  test('refuses a document that is cut, wherever it is cut', () => {
    const bytes = encoder.encode(ordinary)
    for (let end = 0; end < bytes.length; end++) {
      assert.notEqual(
        verdict(() => parseJson(bytes.subarray(0, end))),
        'ok',
        `cut at ${end}`,
      )
    }
  })

  test('a decimal it accepts comes back from the value with the digits that were sent', () => {
    const digits = (decimal: string) =>
      decimal
        .replace(/e.*$/i, '')
        .replace(/[-.]/g, '')
        .replace(/^0+|0+$/g, '')
    const decimal = fc
      .tuple(fc.stringMatching(/^-?(0|[1-9]\d{0,17})(\.\d{1,18})?$/), fc.option(fc.integer({ min: -340, max: 320 })))
      .map(([mantissa, exponent]) => (exponent === null ? mantissa : `${mantissa}e${exponent}`))
    fc.assert(
      fc.property(decimal, (text) => {
        let value: unknown
        if (
          verdict(() => {
            value = parse(text).value
          }) !== 'ok'
        )
          return
        assert.equal(digits(String(value)), digits(text))
        assert.ok(Number.isSafeInteger(value) || digits(text).length <= limits.number_digits)
      }),
      { numRuns: 3_000 },
    )
  })

  test('accepts every decimal of 15 digits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999_999_999_999 }),
        fc.integer({ min: -300, max: -1 }),
        (digits, exponent) => {
          assert.equal(
            verdict(() => parse(`${digits}e${exponent}`)),
            'ok',
          )
        },
      ),
    )
  })

  test('says where it breaks, as a byte and as a JSON pointer, and what to do', () => {
    const detail = (text: string) => refusal(() => parse(text)).message
    assert.match(detail('{"é":{"a/b~":[0,1e400]}}'), /^Byte 17, at \/é\/a~1b~0\/1: .*send it as a string\.$/)
    assert.match(
      detail('{"a":1,"a":2}'),
      /^Byte 7, at \/a: the key "a" stands twice in one object; keep one of them\.$/,
    )
    assert.match(detail('[1,2'), /^Byte 4, at \/1: the text ends where a comma or \] should stand\.$/)
    assert.match(detail('{a:1}'), /^Byte 1, at the top level: "a" stands where a key in double quotes should stand\.$/)
    assert.match(detail('\ufeff{}'), /^Byte 0: a byte order mark; send UTF-8 without one\.$/)
    const bytes = Uint8Array.from([...encoder.encode('["é\ufffd 😀'), 0xc0, 0xaf, ...encoder.encode('"]')])
    assert.match(refusal(() => parseJson(bytes)).message, /^Byte 12: not UTF-8/)
  })

  test('keeps what acts, hides or is long out of its details', () => {
    for (const text of ['\u202e', '\u200b', '\u{e0041}', '\u001b', '\r\n', '\u2028']) {
      const { message } = refusal(() => parse(`{${JSON.stringify(text)}:1,${JSON.stringify(text)}:2}`))
      assert.doesNotMatch(message, /[\p{C}\p{Zl}\p{Zp}]/u)
    }
    const key = JSON.stringify('😀'.repeat(10_000))
    const { message } = refusal(() => parse(`{${key}:{${key}:1,${key}:2}}`))
    assert.ok(message.length < 600, `${message.length} characters`)
    assert.ok(message.isWellFormed())
  })

  test('refuses within milliseconds, whatever is sent', () => {
    for (const { name, bytes } of hostileCases()) {
      const start = process.threadCpuUsage()
      verdict(() => parseJson(bytes))
      const { user } = process.threadCpuUsage(start)
      // The promise is a median of 5 ms; this bound only keeps quadratic work out. Work is counted, not time: others
      // who use the machine add nothing to it.
      assert.ok(user < 1_000_000, `${name}: ${user} µs of work`)
    }
  })

  test('holds to the limits it is given', () => {
    const small: Limits = { ...limits, body_bytes: 40, depth: 2, object_keys: 2, array_items: 3, string_chars: 4 }
    const given = (text: string) => verdict(() => parse(text, small))
    assert.equal(given('{"a":["abcd",2,3],"b":[]}'), 'ok')
    assert.equal(given('[[[]]]'), 'TOO_DEEP')
    assert.equal(given('{"a":1,"b":2,"c":3}'), 'TOO_LARGE')
    assert.equal(given('[1,2,3,4]'), 'TOO_LARGE')
    assert.equal(given('"abcde"'), 'TOO_LARGE')
    assert.equal(given(' '.repeat(41)), 'TOO_LARGE')
  })
})
