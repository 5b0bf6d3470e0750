/** Finding: any script, identifiers, paths and numbers; what changed, left or belongs to others does not count. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Spine } from '../../protocol/spine.ts'
import { fresh, newNamespace, type OpenSubject } from './subject.ts'

/** The best hit among memories that have nothing to do with it. */
async function best(spine: Spine, query: string): Promise<string | undefined> {
  return (await spine.memories.search({ query, limit: 1 })).memories[0]?.id
}

const hits = async (spine: Spine, query: string) =>
  (await spine.memories.search({ query })).memories.map(({ id, score }) => [id, score])

const texts: Record<string, [text: string, query: string]> = {
  english: ['She renewed the certificates of the staging cluster.', 'renewing a certificate'],
  german: ['Die Übergabe der Schlüssel war am Montag.', 'wann war die ubergabe'],
  russian: ['Миграция базы закончилась ночью.', 'миграция'],
  greek: ['Η μετάβαση τελείωσε.', 'μεταβαση'],
  arabic: ['انتهى ترحيل قاعدة البيانات', 'ترحيل'],
  hindi: ['डेटाबेस का माइग्रेशन पूरा हुआ', 'माइग्रेशन'],
  japanese: ['データベースの移行は深夜に完了しました', '移行はいつ'],
  chinese: ['数据库迁移已在午夜完成', '迁移'],
  korean: ['데이터베이스 이전이 완료되었습니다', '데이터베이스'],
  thai: ['การย้ายฐานข้อมูลเสร็จแล้ว', 'ฐานข้อมูล'],
  path: ['It broke in /srv/app/config/prod.yaml at once.', 'prod.yaml'],
  whole_path: ['See packages/spine/src/store/ledger.ts for it.', 'packages/spine/src/store/ledger.ts'],
  function: ['Call retryWithBackoff there.', 'what does retryWithBackoff do'],
  part: ['The helper is parseInvoiceNumber.', 'invoice number'],
  snake: ['Set MAX_OPEN_FILES first.', 'max_open_files'],
  ticket: ['That is OPS-4127.', 'status of OPS-4127'],
  address: ['It answers on 10.20.30.40:9443 only.', '10.20.30.40:9443'],
  number: ['We paid 1,250,000 for it.', '1250000'],
  mail: ['Write to vera@example.org.', 'vera@example.org'],
}

export function searchSuite(name: string, open: OpenSubject): void {
  describe(`search (${name})`, () => {
    test('text in any script, identifiers, paths and numbers are found', async () => {
      const spine = await fresh(open)
      const memories = Object.entries(texts).map(([id, [content]]) => ({ id, content, metadata: { session: id } }))
      await spine.memories.store({ memories })
      for (const [id, [, query]] of Object.entries(texts)) assert.equal(await best(spine, query), id, query)
    })

    test('a title and tags are found with the text', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'a', content: 'see below', title: 'Quarterly forecast', tags: ['finance'] })
      await spine.memories.store({ id: 'b', content: 'see above', metadata: { session: 'other' } })
      assert.equal(await best(spine, 'forecast'), 'a')
      assert.equal(await best(spine, 'finance'), 'a')
    })

    test('what has nothing to do with the question is not found', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'a', content: 'The deploy window is Tuesday.', metadata: { session: 'a' } })
      await spine.memories.store({ id: 'b', content: 'Lunch is at noon.', pinned: true, metadata: { session: 'b' } })
      assert.deepEqual((await hits(spine, 'zebra')).length, 0)
      assert.deepEqual(
        (await hits(spine, 'when do we deploy')).map(([id]) => id),
        ['a'],
      )
    })

    test('other namespaces never change a ranking', async () => {
      const subject = await open()
      const [ours, theirs] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      const content = ['the gateway port is 8788', 'the gateway was painted green', 'lunch at noon']
      const memories = content.map((text, at) => ({ content: text, id: `m${at}`, created_at: '2026-01-01T00:00:00Z' }))
      await ours.memories.store({ memories })
      const before = await hits(ours, 'gateway port')
      await theirs.memories.store({
        memories: Array.from({ length: 40 }, (_, at) => ({ content: `gateway port ${at}`, author: `Gateway ${at}` })),
      })
      assert.deepEqual(await hits(ours, 'gateway port'), before)
    })

    test('what a memory says now counts, and what it said before does not', async () => {
      const subject = await open()
      const [changed, never] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      const at = '2026-01-01T00:00:00Z'
      const others = [
        { id: 'b', content: 'the harbour is closed', created_at: at },
        { id: 'c', content: 'the market is open', created_at: at },
      ]
      await never.memories.store({ memories: [{ id: 'a', content: 'the bridge is open', created_at: at }, ...others] })
      await changed.memories.store({
        memories: [{ id: 'a', content: 'the harbour harbour market', created_at: at }, ...others],
      })
      await changed.memories.update({ id: 'a', content: 'the bridge is open' })
      for (const query of ['bridge', 'harbour', 'market open'])
        assert.deepEqual(await hits(changed, query), await hits(never, query), query)
    })

    test('what was deleted, replaced or stored anew leaves no trace in a ranking', async () => {
      const subject = await open()
      const [busy, calm] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      const at = '2026-01-01T00:00:00Z'
      const memory = (id: string, content: string) => ({ id, content, created_at: at, metadata: { session: id } })
      await busy.memories.store({ memories: [memory('gone', 'harbour harbour'), memory('old', 'harbour pilot')] })
      await busy.memories.store(memory('again', 'harbour lights'))
      await busy.memories.delete({ id: 'gone' })
      await busy.memories.store({ ...memory('new', 'harbour master'), supersedes: 'old' })
      await busy.memories.store({ memories: [memory('twice', 'harbour dues'), memory('twice', 'customs office')] })
      await busy.memories.store(memory('again', 'customs lights'))
      await calm.memories.store(memory('new', 'harbour master'))
      await calm.memories.store(memory('twice', 'customs office'))
      await calm.memories.store(memory('again', 'customs lights'))
      for (const query of ['harbour', 'customs', 'pilot', 'lights'])
        assert.deepEqual(await hits(busy, query), await hits(calm, query), query)
    })

    test('of a store too large to be ranked whole, the old memory that matters is found with its neighbours', async () => {
      const spine = await fresh(open)
      const created_at = '2026-01-01T00:00:00Z'
      const chatter = (from: number) =>
        Array.from({ length: 600 }, (_, at) => ({ content: `remark ${from + at} about nothing`, created_at }))
      await spine.memories.store({ memories: chatter(0) })
      await spine.memories.store({ id: 'match', content: 'the vault opens with a brass key', created_at })
      await spine.memories.store({ id: 'next', content: 'it hangs behind the door', created_at })
      await spine.memories.store({ memories: chatter(600) })
      const [first, second] = (await spine.memories.search({ query: 'brass key of the vault', limit: 2 })).memories
      assert.equal(first?.id, 'match')
      assert.ok(second)
      const envelope = await spine.handoffs.create({
        target_agent: 'x',
        task_summary: 'Find the brass key of the vault.',
        include_recent: 0,
        max_tokens: 400,
      })
      const carried = envelope.memories.map(({ id }) => id)
      assert.ok(carried.includes('match') && carried.includes('next'), carried.join())
    })
  })
}
