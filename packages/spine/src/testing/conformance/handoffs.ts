/** Handoffs: what goes into an envelope, and that it fits its budget to the token. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { digestOf } from '../../protocol/canonical.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { render } from '../../protocol/render.ts'
import { contents, fresh, newNamespace, type OpenSubject, refused, sealed, storedRange } from './subject.ts'

/** As the tokenizer counts any text: what looks like a special token is text. */
const tokensOf = (envelope: Envelope) => countTokens(render(envelope), { disallowedSpecial: new Set() })
const words = (count: number, word = 'limit') =>
  Array.from({ length: count }, (_, index) => `${word} ${index} holds.`).join(' ')
const refsOf = (envelope: Envelope) => envelope.memories.map(({ id, level }) => `${id}:${level}`)

export function handoffsSuite(name: string, open: OpenSubject): void {
  describe(`handoffs (${name})`, { concurrency: 8 }, () => {
    test('the text of an envelope is what its receiver reads, and its tokens are those that were sealed', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine, { intent: 'Ship it on Tuesday.', constraints: { language: 'python' } })
      const { text, tokens } = await spine.handoffs.text({ id: envelope.id })
      assert.equal(text, render(envelope))
      assert.equal(tokens, envelope.token_count)
      const json = await spine.handoffs.text({ id: envelope.id, format: 'json' })
      assert.equal(JSON.parse(json.text).task, 'Ship it on Tuesday.')
      await refused(spine.handoffs.text({ id: 'env-unknown' }), 'ENVELOPE_NOT_FOUND')
    })

    test('an envelope is sealed with the call, its defaults, and a digest over its canonical form', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine, { intent: 'Ship it.', task_summary: 'Write the code.' })
      assert.equal(envelope.envelope_version, '2')
      assert.deepEqual([envelope.source_agent, envelope.target_agent], ['unknown', 'coder'])
      assert.deepEqual([envelope.task.intent, envelope.task.summary], ['Ship it.', 'Write the code.'])
      assert.equal(envelope.budget.max_tokens, 4_000)
      assert.equal(envelope.digest, digestOf(envelope))
      assert.deepEqual(await spine.handoffs.get({ id: envelope.id }), envelope)
      await refused(spine.handoffs.get({ id: 'env_nobody' }), 'ENVELOPE_NOT_FOUND')
    })

    test('ids resolve from "ms-4821 through ms-4825", in the order of their first mention', async () => {
      const spine = await fresh(open)
      const ids = await storedRange(spine, 4821, 4825)
      await spine.memories.store({
        memories: [
          { id: 'ms-9', content: 'nine' },
          { id: 'ms-8', content: 'eight' },
          { id: 'pin-1', content: 'pin', pinned: true },
        ],
      })
      const envelope = await sealed(spine, {
        task_summary: 'Requirements are in ms-4821 through ms-4825.',
        memory_ids: ['ms-9'],
        execution_history: [{ agent: 'a', action: 'read it', memory_id: 'ms-8' }],
      })
      assert.deepEqual(envelope.memory_refs, ['ms-9', ...ids, 'ms-8', 'pin-1'])
      assert.deepEqual([envelope.completeness.requested, envelope.completeness.score], [8, 1])
      for (const id of ids) assert.match(render(envelope), new RegExp(`\\[${id}; .*\\n? ?.*What ${id} says`))
      const reason = (wanted: string) => envelope.memories.find(({ id }) => id === wanted)?.explain?.[0]
      assert.deepEqual([reason('ms-9'), reason('pin-1')], ['the sender names it', 'it is pinned'])
    })

    test('token_count is what the tokenizer counts on the rendered text, never above max_tokens', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: Array.from({ length: 60 }, (_, index) => ({
          content: `${words(1 + ((index * 7) % 60), `release ${index}`)} \`\`\`js\nconst x = "<|endoftext|>" 日本語 👩‍💻\n\`\`\``,
          title: `Note ${index}`,
          kind: index % 3 ? 'note' : 'message',
          priority: index % 10 ? 'normal' : 'high',
          pinned: index % 20 === 0,
        })),
      })
      const history = Array.from({ length: 40 }, (_, index) => ({
        agent: 'planner',
        action: `did step ${index}`,
        ...(index % 4 ? {} : { decision: `use plan ${index}`, reason: 'it is cheaper', rejected: ['plan b'] }),
      }))
      for (const max_tokens of [60, 61, 75, 99, 150, 260, 400, 640, 1_000, 1_700, 3_000, 5_000, 8_000]) {
        const envelope = await sealed(spine, {
          intent: 'Plan the release.',
          task_summary: 'List the limits of the release.',
          previous: null,
          execution_history: history,
          max_tokens,
        })
        assert.equal(envelope.token_count, tokensOf(envelope), `${max_tokens}`)
        assert.equal(envelope.budget.used, envelope.token_count)
        assert.ok(envelope.token_count <= max_tokens, `${envelope.token_count} of ${max_tokens}`)
        if (max_tokens >= 400)
          assert.ok(envelope.token_count > max_tokens / 2, `only ${envelope.token_count} of ${max_tokens}`)
      }
    })

    test('the budget is the least of the call, the constraint and the window of the target', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'small', context_window: 1_000, reserved_tokens: 400 })
      const budget = async (call: Parameters<typeof sealed>[1]) => (await sealed(spine, call)).budget.max_tokens
      assert.equal(await budget({ target_agent: 'small' }), 600)
      assert.equal(await budget({ target_agent: 'small', max_tokens: 500 }), 500)
      assert.equal(await budget({ target_agent: 'small', max_tokens: 5_000, constraints: { max_tokens: 550 } }), 550)
      assert.equal(await budget({ constraints: { max_tokens: 9_000 } }), 9_000)
    })

    test('the ceiling of a constraint is inherited', async () => {
      const spine = await fresh(open)
      const { id } = await sealed(spine, { constraints: { max_tokens: 700 } })
      assert.equal((await sealed(spine, { previous: id, max_tokens: 2_000 })).budget.max_tokens, 700)
    })

    test('what must be kept and does not fit is refused, with every part named, and nothing is written', async () => {
      const spine = await fresh(open)
      const before = await contents(spine)
      const call = {
        constraints: { style: words(60), language: 'en' },
        expected_output: { format: 'markdown' },
        max_tokens: 100,
      }
      const error = await refused(sealed(spine, call), 'BUDGET_TOO_SMALL')
      const parts = error.extra.parts as Record<string, number>
      assert.deepEqual(Object.keys(parts), ['do next', 'constraints', 'expected output'])
      assert.ok((parts.constraints ?? 0) > 100)
      assert.ok(Number(error.extra.needed_tokens) > 100)
      assert.match(error.message, /constraints \d+/)
      assert.deepEqual(await contents(spine), before)
    })

    test('what has no room to be listed as left out or missing is sealed all the same', async () => {
      const spine = await fresh(open)
      const call = {
        intent: 'Audit the gateway.',
        task_summary: 'List every retry path, and cite file and line for each.',
      }
      const bare = await sealed(spine, call)
      await spine.memories.store({ content: 'The office plants are watered on Tuesdays.' })
      const full = await sealed(spine, { ...call, max_tokens: bare.token_count })
      assert.equal(full.token_count, bare.token_count)
      assert.equal(full.receipts.omitted_count + full.receipts.trimmed.length, 1)
      const memory_ids = Array.from({ length: 600 }, (_, index) => `ms-${index + 4_000}`)
      const missing = await sealed(spine, { ...call, memory_ids })
      assert.equal(missing.completeness.gaps.length, 600)
      assert.match(render(missing), /- ms-4000: missing \(not_found\)\n[\s\S]*- 550 more are missing/)
      assert.equal(missing.token_count, tokensOf(missing))
    })

    test('what cannot be seen counts as it is shown: written out', async () => {
      const spine = await fresh(open)
      const intent = '👨\u200d👩\u200d👧\u200d👦 '.repeat(160)
      const envelope = await sealed(spine, { intent, max_tokens: 4_000 })
      assert.equal(envelope.task.intent, intent)
      assert.equal(envelope.receipts.shortened?.[0]?.part, 'intent')
      assert.equal(envelope.token_count, tokensOf(envelope))
    })

    test('a budget that holds more than the bytes of an envelope is filled as far as these go', async () => {
      const spine = await fresh(open)
      const memories = Array.from({ length: 250 }, (_, index) => ({
        content: `Step ${index}: ${words(60, `the gateway retried ${index}`)}`,
      }))
      await spine.memories.store({ memories })
      const warnings: string[] = []
      const call = { task_summary: 'Why did the gateway retry?', max_tokens: 100_000 }
      const onWarning = (warning: string) => warnings.push(warning)
      const envelope = await spine.handoffs.create({ source_agent: 'a', target_agent: 'b', ...call }, { onWarning })
      const bytes = JSON.stringify(envelope).length
      assert.ok(bytes > 200_000 && bytes <= 262_144, `${bytes} bytes`)
      assert.equal(envelope.budget.max_tokens, 100_000)
      assert.equal(envelope.token_count, tokensOf(envelope))
      assert.match(warnings.join(), /at most 262144 bytes/)
    })

    test('a long intent is shown as an excerpt and sealed whole, or refused where it has to be whole', async () => {
      const spine = await fresh(open)
      const intent = `First of all: never touch prod. ${words(400)} At the end: port 8788.`
      const call = { intent, max_tokens: 500 }
      const envelope = await sealed(spine, call)
      assert.equal(envelope.task.intent, intent)
      const text = render(envelope)
      assert.match(text, /never touch prod/)
      assert.match(text, /port 8788/)
      assert.doesNotMatch(text, /limit 200 holds/)
      assert.match(text, new RegExp(`whole intent is in envelope ${envelope.id}`))
      assert.equal(envelope.receipts.shortened?.[0]?.part, 'intent')
      assert.equal(envelope.token_count, tokensOf(envelope))
      const next = await sealed(spine, { previous: envelope.id, max_tokens: 8_000 })
      assert.equal(next.task.intent, intent)
      assert.match(render(next), /limit 200 holds/)
      await refused(sealed(spine, { ...call, require_full_intent: true }), 'BUDGET_TOO_SMALL')
    })

    test('a long summary is shown as an excerpt and sealed whole', async () => {
      const spine = await fresh(open)
      const task_summary = `Begin with the index. ${words(300, 'step')} End with the report.`
      const envelope = await sealed(spine, { intent: 'Do it.', task_summary, max_tokens: 300 })
      assert.equal(envelope.task.summary, task_summary)
      assert.match(render(envelope), /Begin with the index[\s\S]*End with the report/)
      assert.deepEqual(
        envelope.receipts.shortened?.map(({ part }) => part),
        ['summary'],
      )
      assert.ok(envelope.token_count <= 300)
    })

    test('what is missing is a gap and flagged, or refused where completeness is required', async () => {
      const spine = await fresh(open)
      await storedRange(spine, 1, 3)
      await spine.memories.store({ id: 'gone', content: 'x' })
      await spine.memories.delete({ id: 'gone' })
      const call = { task_summary: 'Read ms-1 to ms-4 and port-8788 and ms-77.', memory_ids: ['gone', 'nobody'] }
      const envelope = await sealed(spine, call)
      const { requested, resolved, included, score, gaps } = envelope.completeness
      assert.deepEqual(gaps, [
        { id: 'gone', reason: 'deleted' },
        { id: 'nobody', reason: 'not_found' },
        { id: 'ms-4', reason: 'not_found' },
      ])
      assert.deepEqual([requested, resolved, included, score], [6, 3, 3, 0.5])
      assert.match(render(envelope), /## Left out\n- gone: missing \(deleted\)/)
      const before = await contents(spine)
      const error = await refused(sealed(spine, { ...call, require_complete: true }), 'INCOMPLETE')
      assert.deepEqual(error.extra.gaps, gaps)
      assert.deepEqual(await contents(spine), before)
      await sealed(spine, { task_summary: 'Read ms-1 to ms-3.', require_complete: true })
    })

    test('every memory that could be carried is carried or has a receipt', async () => {
      const spine = await fresh(open)
      const ids = Array.from({ length: 30 }, (_, index) => `n${index}`)
      await spine.memories.store({ memories: ids.map((id) => ({ id, content: words(60) })) })
      const envelope = await sealed(spine, { max_tokens: 700, memory_ids: ['n3'], include_recent: 30 })
      const told = new Set([...envelope.memories, ...envelope.receipts.trimmed].map(({ id }) => id))
      assert.equal(told.size + envelope.receipts.omitted_count, 30)
      assert.ok(envelope.memories.some(({ id }) => id === 'n3'))
    })

    test('one oversized memory never empties an envelope', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'small', content: 'The port is 8788.' },
          { id: 'huge', content: words(5_000) },
        ],
      })
      const envelope = await sealed(spine, {
        task_summary: 'Which port does it listen on, and which limit holds?',
        memory_ids: ['huge', 'small'],
        max_tokens: 400,
      })
      assert.ok(refsOf(envelope).includes('small:full'))
      assert.ok(refsOf(envelope).includes('huge:excerpt') || refsOf(envelope).includes('huge:ref'))
    })

    test('critical memories count as pinned; a high one is not left out while a normal one nobody named has content', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'crit', content: 'Never write to the production database.', priority: 'critical' },
          { id: 'high', content: `About cooking. ${words(20, 'spoon')}`, priority: 'high' },
          ...Array.from({ length: 20 }, (_, index) => ({
            id: `n${index}`,
            content: `The release limit. ${words(12)}`,
          })),
        ],
      })
      for (const max_tokens of [200, 300, 500, 800]) {
        const envelope = await sealed(spine, {
          task_summary: 'Check the release limit.',
          include_recent: 30,
          max_tokens,
        })
        const level = (id: string) => envelope.memories.find((memory) => memory.id === id)?.level
        assert.equal(level('crit'), 'full', `${max_tokens}`)
        const others = envelope.memories.filter(({ id, content }) => id.startsWith('n') && content !== undefined)
        if (others.length) assert.notEqual(level('high'), undefined, `${max_tokens}: ${refsOf(envelope)}`)
      }
    })

    test('reasoning behind a decision that was taken is at most a reference', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'why', content: 'Long thoughts about the index.', kind: 'reasoning' })
      const call = { memory_ids: ['why'], previous: null }
      assert.deepEqual(refsOf(await sealed(spine, call)), ['why:full'])
      const settled = await sealed(spine, { ...call, state: { decisions: ['use a hash index'] } })
      assert.deepEqual(refsOf(settled), ['why:ref'])
    })

    test('the strategies: everything or refusal, references only, short texts', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'a', content: words(80) },
          { id: 'b', content: `Another one. ${words(80)}` },
          { id: 'p', content: 'Pinned.', pinned: true },
        ],
      })
      const levels = async (call: Parameters<typeof sealed>[1]) =>
        refsOf(await sealed(spine, { task_summary: 'limit', ...call })).toSorted()
      assert.deepEqual(await levels({ strategy: 'full_dump', max_tokens: 2_000 }), ['a:full', 'b:full', 'p:full'])
      const error = await refused(levels({ strategy: 'full_dump', max_tokens: 300 }), 'BUDGET_TOO_SMALL')
      assert.ok((error.extra.parts as Record<string, number>).memories)
      assert.deepEqual(await levels({ strategy: 'lazy' }), ['a:ref', 'b:ref', 'p:full'])
      assert.deepEqual(await levels({ strategy: 'summary_refs' }), ['a:excerpt', 'b:excerpt', 'p:full'])
    })

    test('pins that take more than a quarter of the budget are a warning, not a refusal', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'p', content: words(40), pinned: true })
      const warnings: string[] = []
      const onWarning = (warning: string) => void warnings.push(warning)
      await spine.handoffs.create({ target_agent: 'coder', task_summary: 'x', max_tokens: 400 }, { onWarning })
      assert.match(warnings.join(), /Pinned memories take \d+ of 400 tokens/)
    })

    test('the same call seals the same content', async () => {
      const subject = await open()
      const content = async () => {
        const spine = await subject.at(newNamespace())
        await spine.memories.store({
          memories: Array.from({ length: 12 }, (_, index) => ({
            id: `m${index}`,
            content: words(index + 3),
            created_at: '2026-01-05T10:00:00Z',
          })),
        })
        const { memories, memory_refs, receipts, task, constraints } = await sealed(spine, {
          task_summary: 'limit 3',
          max_tokens: 300,
          constraints: { b: 1, a: 2 },
        })
        return { memories, memory_refs, receipts, task, constraints }
      }
      assert.deepEqual(await content(), await content())
    })

    test('what would pass the size of an envelope is refused and not written', async () => {
      const spine = await fresh(open)
      const before = await contents(spine)
      const long = 'a long action. '.repeat(8_000)
      const execution_history = Array.from({ length: 3 }, (_, index) => ({ agent: 'a', action: `${index} ${long}` }))
      await refused(sealed(spine, { execution_history }), 'TOO_LARGE')
      assert.deepEqual(await contents(spine), before)
    })

    test('a list is newest first and filtered; the status has the deliveries', async () => {
      const spine = await fresh(open)
      const one = await sealed(spine, { source_agent: 'a', task_id: 't', intent: 'x' })
      const two = await sealed(spine, { source_agent: 'b', target_agent: 'tester', previous: one.id })
      const ids = async (input: Parameters<typeof spine.handoffs.list>[0]) =>
        (await spine.handoffs.list(input)).handoffs.map(({ envelope_id }) => envelope_id)
      assert.deepEqual(await ids({}), [two.id, one.id])
      assert.deepEqual(await ids({ source_agent: 'a' }), [one.id])
      assert.deepEqual(await ids({ target_agent: 'tester' }), [two.id])
      assert.deepEqual(await ids({ root_id: one.id, task_id: 't' }), [two.id, one.id])
      const { next } = await spine.handoffs.list({ limit: 1 })
      assert.deepEqual(await ids({ limit: 1, after: next }), [one.id])
      const flagged = await sealed(spine, { memory_ids: ['nobody'], previous: null, max_tokens: 900 })
      const [record] = (await spine.handoffs.list({ limit: 1 })).handoffs
      const { envelope_id, digest, completeness, token_count, max_tokens } = record ?? assert.fail()
      assert.deepEqual(
        [envelope_id, digest, completeness, token_count, max_tokens],
        [flagged.id, flagged.digest, 0, flagged.token_count, 900],
      )
      const { id } = await spine.deliveries.send({ envelope_id: two.id })
      const status = await spine.handoffs.status({ id: two.id })
      assert.deepEqual([status.verified, status.hop, status.deliveries.map((delivery) => delivery.id)], [true, 2, [id]])
    })
  })
}
