// Secrets made here, as people and agents write them, do not get past the guard; ordinary code does.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { rules } from '@secretlint/secretlint-rule-preset-recommend'
import fc from 'fast-check'
import { SpineError } from '../../protocol/errors.ts'
import { createGuard, type Guard } from './guard.ts'
import { looksDrawn, ownRules } from './own-rules.ts'
import { mayHoldSecret, neededWords, secretsIn, unusedPresetRules } from './scan.ts'

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const UPPER = LOWER.toUpperCase()
const DIGITS = '0123456789'
const ALNUM = LOWER + UPPER + DIGITS

/** The same secrets in every run (mulberry32). */
function seeded(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const of = (alphabet: string, length: number) =>
    Array.from({ length }, () => alphabet[Math.floor(next() * alphabet.length)]).join('')
  return { of, alnum: (length: number) => of(ALNUM, length), hex: (length: number) => of('0123456789abcdef', length) }
}

/** The whole way of an input through the guard. */
const checked = <T>(guard: Guard, ns: string, input: T, warn: (warning: string) => void) =>
  guard.check(ns, input, guard.suspects(input), warn)

type Draw = ReturnType<typeof seeded>
type Planted = { text: string; secrets: string[] }

const planted = (text: (...secrets: string[]) => string, ...secrets: string[]): Planted => ({
  text: text(...secrets),
  secrets,
})
const base64Lines = (draw: Draw, lines: number) => Array.from({ length: lines }, () => draw.of(`${ALNUM}+/`, 64))
const password = (draw: Draw) => `${draw.of(LOWER, 5)}${draw.of(DIGITS, 2)}${draw.of('!#%^&*', 1)}${draw.of(UPPER, 4)}`

const kinds: readonly ((draw: Draw) => Planted)[] = [
  (draw) =>
    planted(
      (id, key) => `export AWS_ACCESS_KEY_ID=${id}\nexport AWS_SECRET_ACCESS_KEY=${key}`,
      `AKIA${draw.of(UPPER + DIGITS, 16)}`,
      draw.of(`${ALNUM}+/`, 40),
    ),
  (draw) =>
    planted(
      (id, key) => `Use the pair ${id} / ${key} for the bucket.`,
      `ASIA${draw.of(UPPER + DIGITS, 16)}`,
      draw.of(`${ALNUM}+/`, 40),
    ),
  (draw) => planted((key) => `{"secretAccessKey": "${key}", "region": "eu-west-1"}`, draw.of(`${ALNUM}+/`, 40)),
  (draw) =>
    planted(
      (...lines) => `-----BEGIN RSA PRIVATE KEY-----\n${lines.join('\n')}\n-----END RSA PRIVATE KEY-----`,
      ...base64Lines(draw, 12),
    ),
  (draw) =>
    planted(
      (...lines) =>
        `"private_key": "-----BEGIN PRIVATE KEY-----\\n${lines.join('\\n')}\\n-----END PRIVATE KEY-----\\n"`,
      ...base64Lines(draw, 3),
    ),
  (draw) =>
    planted(
      (...lines) => `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n(the rest was cut off)`,
      ...base64Lines(draw, 5),
    ),
  (draw) => planted((token) => `curl -H "Authorization: Bearer ${token}" https://api.internal/v1`, draw.alnum(40)),
  (draw) =>
    planted(
      (token) => `The header was Bearer ${token}, it worked.`,
      `${draw.alnum(12)}.${draw.alnum(20)}_${draw.of(DIGITS, 4)}`,
    ),
  (draw) =>
    planted(
      (token) => `cookie: session=${token}; path=/`,
      `eyJ${draw.alnum(30)}.eyJ${draw.alnum(60)}.${draw.alnum(43)}`,
    ),
  (draw) => planted((word) => `postgres://app:${word}@db.internal:5432/orders`, password(draw).replace(/[#%]/g, '!')),
  (draw) => planted((word) => `mongodb+srv://svc:${word}@cluster0.mongodb.net/?retryWrites=true`, draw.alnum(18)),
  (draw) => planted((word) => `REDIS_URL=redis://:${word}@cache:6379/0`, draw.alnum(24)),
  (draw) => planted((word) => `git clone https://deploy:${word}@git.example.org/team/app.git`, draw.alnum(20)),
  (draw) => planted((word) => `db_password: "${word}"`, password(draw)),
  (draw) => planted((word) => `The admin password is ${word} until Friday.`, password(draw)),
  (draw) => planted((key) => `API_KEY=${key}\nPORT=8788`, draw.hex(32)),
  (draw) => planted((key) => `const client_secret = '${key}'`, draw.alnum(32)),
  (draw) => planted((key) => `  "refresh_token": "${key}",`, `${draw.alnum(20)}-${draw.alnum(20)}`),
  (draw) => planted((key) => `x-api-key: ${key}`, draw.alnum(36)),
  (draw) =>
    planted(
      (key) => `AccountName=store;AccountKey=${key};EndpointSuffix=core.windows.net`,
      `${draw.of(`${ALNUM}+/`, 86)}==`,
    ),
  (draw) => planted((token) => `push with ${token} please`, `ghp_${draw.alnum(36)}`),
  (draw) =>
    planted((token) => `slack: ${token}`, `xoxb-${draw.of(DIGITS, 12)}-${draw.of(DIGITS, 12)}-${draw.alnum(24)}`),
  (draw) => planted((token) => `stripe.key = ${token}`, `sk_live_${draw.alnum(24)}`),
  (draw) => planted((token) => `//registry.npmjs.org/:_authToken=${token}`, `npm_${draw.alnum(36)}`),
  (draw) => planted((token) => `maps key ${token}`, `AIza${draw.alnum(35)}`),
]

test('of fifty secrets made here at least 95 % never get into what is kept', async () => {
  const guard = createGuard('redact')
  const draw = seeded(20_260_105)
  const all = [...kinds, ...kinds].map((kind) => kind(draw))
  assert.equal(all.length, 50)
  const missed: string[] = []
  for (const { text, secrets } of all) {
    const content = `Notes of the call.\n${text}\nNothing else.`
    const { input, found } = await checked(guard, 'ns', { content }, () => {})
    assert.ok(input.content.startsWith('Notes of the call.') && input.content.endsWith('Nothing else.'), input.content)
    if (found.length === 0 || secrets.some((secret) => input.content.includes(secret))) missed.push(text)
  }
  assert.ok(missed.length <= all.length * 0.05, `missed ${missed.length} of ${all.length}:\n${missed.join('\n')}`)
})

test('of the lines of this very code at most 1 % look like secrets', async () => {
  const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const own = files.filter((file) => file.endsWith('.ts') && !file.includes('guard'))
  const lines = own.flatMap((file) => readFileSync(join(root, file), 'utf8').split('\n'))
  const flagged: string[] = []
  for (const line of lines) if ((await secretsIn(line)).length > 0) flagged.push(line.trim())
  assert.ok(lines.length > 10_000)
  assert.ok(flagged.length <= lines.length * 0.01, `${flagged.length} of ${lines.length}:\n${flagged.join('\n')}`)
})

test('no rule can find anything in a text that is not looked into', async () => {
  const draw = seeded(7)
  /** One secret for each rule of the preset that runs. */
  const samples: Readonly<Record<string, string>> = {
    // Its base64 is of JSON and has to end with a brace alone in its group.
    '1password': `ops_${btoa(JSON.stringify({ email: 'svc', key: draw.alnum(100) }))}`,
    anthropic: `sk-ant-api03-${draw.alnum(93)}AA`,
    cloudflare: `cfut_${draw.alnum(40)}${draw.hex(8)}`,
    databricks: `dapi${draw.hex(32)}`,
    docker: `dckr_pat_${draw.alnum(27)}`,
    figma: `figd_${draw.alnum(40)}`,
    github: `github_pat_${draw.alnum(82)}`,
    gitlab: `glpat-${draw.alnum(20)}`,
    grafana: `glsa_${draw.alnum(32)}_${draw.hex(8)}`,
    groq: `gsk_${draw.alnum(52)}`,
    'hashicorp-vault': `hvs.${draw.alnum(95)}`,
    huggingface: `hf_${draw.of(LOWER + UPPER, 34)}`,
    linear: `lin_api_${draw.alnum(40)}`,
    notion: `ntn_${draw.of(DIGITS, 11)}${draw.alnum(35)}`,
    openai: `sk-${draw.alnum(20)}T3BlbkFJ${draw.alnum(20)}`,
    sendgrid: `SG.${draw.alnum(22)}.${draw.alnum(43)}`,
    shopify: `shpat_${draw.alnum(32)}`,
    slack: `https://hooks.slack.com/services/T${draw.alnum(9)}/B${draw.alnum(9)}/${draw.alnum(24)}`,
    stripe: `rk_test_${draw.alnum(30)}`,
    tailscale: `tskey-auth-${draw.alnum(12)}-${draw.alnum(30)}`,
    vercel: `vcp_${draw.alnum(24)}`,
  }
  const running = rules.map(({ meta }) => meta.id).filter((id) => !unusedPresetRules.includes(id))
  const names = running.map((id) => id.replace('@secretlint/secretlint-rule-', '')).toSorted()
  assert.deepEqual(Object.keys(samples).toSorted(), names, 'the preset has other rules than this test knows')
  assert.deepEqual(Object.keys(neededWords).toSorted(), names)
  for (const [name, sample] of Object.entries(samples)) {
    const words = neededWords[name] ?? []
    assert.ok(
      words.some((word) => sample.includes(word)),
      name,
    )
    const [span] = await secretsIn(`see ${sample} there`)
    assert.deepEqual([span?.kind, span?.start, span?.end], [name.replaceAll('-', '_'), 4, 4 + sample.length], name)
  }
  for (const kind of kinds) assert.ok(mayHoldSecret(kind(draw).text))
  assert.equal(mayHoldSecret('The gateway retries 3 times, then the order is parked. Was it charged twice?'), false)
})

test('what a rule of ours finds is in a text that is looked into, however it is pieced together', () => {
  const draw = seeded(9)
  const pieces = [
    ...['password', 'api_key', 'AUTH-KEY', 'client_secret_value', 'aws', 'Secret', '_authToken', 'Bearer', 'basic'],
    ...['is', 'WAS', '=>', ':=', ':', '=', '"', "'", '`', ']', ' ', '  ', '\n', '\t', '.', '-', '_', '@', 'x', '/'],
    // Pieced together from single signs, some would be too rare to be sure of.
    ...['://', 'redis://x:', '@x', 'api_key: '],
    ...[draw.alnum(8), draw.alnum(40), draw.of(`${ALNUM}+/`, 40), `AKIA${draw.of(UPPER + DIGITS, 16)}`],
  ]
  const found = new Set<string>()
  const text = fc.array(fc.constantFrom(...pieces), { minLength: 2, maxLength: 9 }).map((some) => some.join(''))
  fc.assert(
    fc.property(text, (text) => {
      const hits = ownRules.filter(({ pattern }) => text.match(pattern) !== null)
      for (const { kind } of hits) found.add(kind)
      assert.ok(hits.length === 0 || mayHoldSecret(text), JSON.stringify(text))
    }),
    { numRuns: 20_000 },
  )
  for (const kind of ['aws_access_key', 'aws_secret_key', 'bearer_token', 'password_in_url', 'assigned_secret'])
    assert.ok(found.has(kind), `${kind} was never found`)
})

test('a mark tells the kind, and the same secret has the same mark in one namespace only', async () => {
  const guard = createGuard('redact')
  const draw = seeded(3)
  const token = `ghp_${draw.alnum(36)}`
  const warnings: string[] = []
  const call = { task_summary: `Push with ${token}.`, state: { remaining: [`revoke ${token}`] } }
  const { input, found } = await checked(guard, 'a', call, (warning) => void warnings.push(warning))
  assert.match(input.task_summary, /^Push with \[redacted:github:[0-9a-f]{8}\]\.$/)
  assert.equal(input.state.remaining[0]?.split(' ')[1], input.task_summary.split(' ')[2]?.slice(0, -1))
  assert.deepEqual(
    found.map(({ path, kind }) => [path.join('.'), kind]),
    [
      ['task_summary', 'github'],
      ['state.remaining.0', 'github'],
    ],
  )
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /redacted: github [0-9a-f]{8} in task_summary/)
  assert.doesNotMatch(warnings[0] ?? '', new RegExp(token))
  const elsewhere = await checked(guard, 'b', call, () => {})
  assert.notEqual(elsewhere.input.task_summary, input.task_summary)
  assert.deepEqual(await checked(guard, 'a', input, () => assert.fail('a mark is no secret')), { input, found: [] })
  assert.equal(call.task_summary, `Push with ${token}.`)
})

test('looking through a text leaves nothing behind in the process', async () => {
  const before = performance.getEntries().length
  for (let index = 0; index < 20; index += 1) await secretsIn(`push with ghp_${seeded(index).alnum(36)}`)
  assert.equal(performance.getEntries().length, before)
})

test('a comment in a text does not switch the guard off', async () => {
  const token = `ghp_${seeded(5).alnum(36)}`
  assert.equal((await secretsIn(`<!-- secretlint-disable -->\n${token}`)).length, 1)
})

test('a member whose name says that it is secret is one when its value looks drawn', async () => {
  const guard = createGuard('redact')
  const output = { config: { db_password: password(seeded(9)), token: 'LEASE_TOKEN', tokens: 12 } }
  const { input } = await checked(guard, 'a', { lease_token: 'aB3dEf5hIj7lMn9p', output }, () => {})
  assert.match(input.output.config.db_password, /^\[redacted:assigned_secret:/)
  assert.deepEqual([input.output.config.token, input.lease_token], ['LEASE_TOKEN', 'aB3dEf5hIj7lMn9p'])
})

test('a secret that is a key is dealt with as one that is a text, and no two keys become one', async () => {
  const draw = seeded(21)
  const [one, other] = [`ghp_${draw.alnum(36)}`, `ghp_${draw.alnum(36)}`]
  const marks = (await checked(createGuard('redact'), 'a', { x: [one, other] }, () => {})).input.x
  const metadata = {
    short: 0,
    [one]: { [other]: `push with ${other}`, [`${marks[1]}`]: 1, [`${marks[1]} (2)`]: 2 },
    [other]: 3,
    last: one,
  }
  const warnings: string[] = []
  const { input, found } = await checked(createGuard('redact'), 'a', { metadata }, (said) => void warnings.push(said))
  assert.deepEqual(Object.entries(input.metadata), [
    ['short', 0],
    [marks[0], { [`${marks[1]} (3)`]: `push with ${marks[1]}`, [`${marks[1]}`]: 1, [`${marks[1]} (2)`]: 2 }],
    [marks[1], 3],
    ['last', marks[0]],
  ])
  assert.equal(Object.keys((input.metadata as Record<string, object>)[`${marks[0]}`] ?? {}).length, 3)
  // Nor do the places where something was found say it.
  assert.equal(found.length, 5)
  assert.ok(!JSON.stringify([input, found, warnings]).includes('ghp_'))
  assert.ok(found.some(({ path }) => path.join('.') === `metadata.${marks[0]}.${marks[1]}`))
  const error = await checked(createGuard('refuse'), 'a', { metadata }, () => {}).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof SpineError && error.code === 'SECRET_FOUND')
  assert.ok(!JSON.stringify([error.message, error.extra]).includes('ghp_'))
  const flagged = await checked(createGuard('flag'), 'a', { metadata }, (said) => void warnings.push(said))
  assert.equal(flagged.input.metadata, metadata)
  const long = { metadata: { [`${'k'.repeat(100)} AKIA${draw.of(UPPER + DIGITS, 16)}`]: 1 } }
  await assert.rejects(
    checked(createGuard('redact'), 'a', long, () => {}),
    { code: 'TOO_LARGE' },
  )
})

test('words, variables, paths and placeholders do not look drawn', () => {
  for (const value of [
    'LEASE_TOKEN',
    'lease_token',
    'process.env.API_KEY',
    'randomBytes(16)',
    '<your-token>',
    '$SPINE_KEY',
    '{{ token_1 }}',
    './secrets/file.txt',
    'xxxxxxxxxxxx',
    'changeme123',
    '12345678',
    'notAToken',
  ])
    assert.equal(looksDrawn(value), false, value)
})

test('under refuse the input is named and not taken, under flag it is kept, under off nobody looks', async () => {
  const content = `push with ghp_${seeded(11).alnum(36)}`
  const error = await checked(createGuard('refuse'), 'a', { content }, () => {}).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof SpineError && error.code === 'SECRET_FOUND')
  assert.deepEqual(error.extra.found, [{ path: 'content', kind: 'github' }])
  const warnings: string[] = []
  const flagged = await checked(createGuard('flag'), 'a', { content }, (warning) => void warnings.push(warning))
  assert.deepEqual([flagged.input.content, flagged.found.length, warnings.length], [content, 1, 1])
  assert.deepEqual(createGuard('off').suspects({ content }), [])
})

test('a document that came sealed is not changed', async () => {
  const envelope = { task: { intent: `use ghp_${seeded(13).alnum(36)}` } }
  const warnings: string[] = []
  const { input } = await checked(createGuard('redact'), 'a', { envelope }, (warning) => void warnings.push(warning))
  assert.equal(input.envelope, envelope)
  assert.match(warnings[0] ?? '', /kept, because the document came sealed/)
})

test('a long text is looked through in turns, and what lies across two pieces is found', async () => {
  const draw = seeded(17)
  const key = base64Lines(draw, 140).join('\n')
  const filler = 'The secret is what a good handoff keeps. '
  const token = `ghp_${draw.alnum(36)}`
  const long = `${filler.repeat(170)}${token} ${filler.repeat(1_000)}-----BEGIN RSA PRIVATE KEY-----\n${key}\n-----END RSA PRIVATE KEY-----\n${filler.repeat(900)}`
  let turns = 0
  let done = false
  const tick = () => {
    turns += 1
    if (!done) setImmediate(tick)
  }
  setImmediate(tick)
  const { input } = await checked(createGuard('redact'), 'a', { content: long }, () => {})
  done = true
  assert.ok(turns >= long.length / 8_192, `${turns} turns`)
  assert.ok(
    !input.content.includes(token) &&
      !input.content.includes(key.slice(0, 64)) &&
      !input.content.includes(key.slice(-64)),
  )
})

test('many short texts are looked through in turns', async () => {
  const output = Array.from({ length: 2_000 }, (_, index) => `the token is ${index} of the call`)
  let turns = 0
  let done = false
  const tick = () => {
    turns += 1
    if (!done) setImmediate(tick)
  }
  setImmediate(tick)
  const { found } = await checked(createGuard('redact'), 'a', { output }, () => {})
  done = true
  assert.deepEqual(found, [])
  assert.ok(turns >= 50, `${turns} turns`)
})

test('texts made to make a pattern run for ever do not', async () => {
  const size = 130_000
  for (const piece of [
    'AKIAIOSFODNN7EXAMPLZ',
    'token=',
    'eyJ.',
    'a://b:',
    'aws_secret ',
    '-----BEGIN PRIVATE KEY-----',
    'ghs_1_a',
    'SG.a.',
  ])
    await secretsIn(piece.repeat(Math.floor(size / piece.length)))
  await secretsIn(`password = ${'a1'.repeat(size / 2)}`)
})
