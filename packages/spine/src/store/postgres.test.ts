import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { connect as connectTo, createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import { startRelay } from '../testing/faults/relay.ts'
import { asked } from '../testing/postgres/database.ts'
import { startPostgresServer } from '../testing/postgres/server.ts'
import { startStandby, waitForStandby } from '../testing/postgres/standby.ts'
import type { Database, Param, Row, Statement } from './database.ts'
import { migrate } from './migrations.ts'
import { openPostgres, type PostgresOptions } from './postgres.ts'
import { migrations } from './schema.ts'
import { isDataFault, isOutcomeUnknown } from './statement-error.ts'

const server = await startPostgresServer({ settings: ['deadlock_timeout=20ms'] })
const stores: Database[] = []
after(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await server.stop()
})

let databases = 0
async function open(options: Partial<PostgresOptions> = {}): Promise<Database> {
  databases += 1
  const store = await openPostgres({ url: options.url ?? (await server.createDatabase(`t${databases}`)), ...options })
  stores.push(store)
  return store
}

const sql = (text: string, ...params: Param[]): Statement => ({ sql: text, params })
const create = sql('create table t(id text primary key, n bigint, body bytea)')
const insert = (id: string, n: number | null = null, body: Uint8Array | null = null) =>
  sql('insert into t(id, n, body) values ($1, $2, $3) returning id', id, n, body)
const ids = async (database: Database) =>
  (await database.read(sql('select id from t order by id'))).map((row) => row.id)
const unavailable = (error: unknown) => error instanceof SpineError && error.code === 'STORE_UNAVAILABLE'

for (const pooled of [false, true]) {
  const kind = pooled ? 'behind a pooler' : 'straight to the server'

  test(`${kind}, it answers plain rows per statement and keeps every type`, async () => {
    const database = await open({ pooled })
    const whole = Uint8Array.of(9, 0, 1, 255, 9)
    const [created, inserted] = await database.write([create, insert('a', 2 ** 53 - 1, whole.subarray(1, 4))])
    assert.deepEqual([created, inserted], [[], [{ id: 'a' }]])
    for (let round = 0; round < 2; round += 1) {
      const rows: Row[] = await database.read(sql('select id, n, body, null as none, n > 1 as more from t'))
      const [{ body, ...rest } = {}] = rows
      assert.deepEqual(
        [rest, [...(body as Uint8Array)]],
        [{ id: 'a', n: 2 ** 53 - 1, none: null, more: 1 }, [0, 1, 255]],
      )
    }
  })

  test(`${kind}, a write that fails is undone as a whole, says whose fault it was, and spoils nothing else`, async () => {
    const database = await open({ pooled })
    await database.write([create])
    const outcomes = await Promise.allSettled([
      database.write([insert('a')]),
      database.write([insert('b'), sql('select cast($1 as bigint)', 'no number')]),
      database.write([insert('c'), sql('nonsense')]),
      database.write([insert('d'), sql('select $1', 'a\0b')]),
      database.write([insert('e'), insert('e')]),
      database.write([insert('f')]),
    ])
    const faults = outcomes.map((one) => (one.status === 'fulfilled' ? 'stored' : isDataFault(one.reason)))
    assert.deepEqual(faults, ['stored', true, false, true, true, 'stored'])
    assert.deepEqual(await ids(database), ['a', 'f'])
    // The connections on which they failed still take the very same texts.
    await Promise.all(['g', 'h', 'i'].map((id) => database.write([insert(id), sql('select $1', id)])))
    assert.equal((await ids(database)).length, 5)
  })

  test(`${kind}, plans go by index and commits are synchronous in every write`, async () => {
    const database = await open({ pooled })
    const settings = sql(
      `select current_setting('enable_seqscan') as scan, current_setting('synchronous_commit') as sync`,
    )
    assert.deepEqual(await database.write([settings]), [[{ scan: 'off', sync: 'on' }]])
    assert.equal((await database.read(settings)).length, 1)
  })

  test(`${kind}, a statement that takes too long is ended by the server, and its write with it`, async () => {
    const url = await server.createDatabase(`timeouts_${pooled}`)
    const patient = await open({ url, pooled })
    await patient.write([create])
    const database = await open({ url, pooled, statement_timeout_ms: 100 })
    await assert.rejects(database.write([insert('a'), sql('select pg_sleep(60)')]), /57014/)
    await assert.rejects(database.read(sql('select pg_sleep(60)')), /57014/)
    assert.deepEqual(await ids(patient), [])
  })
}

test('an integer that JavaScript would round is refused, and the connection goes on', async () => {
  const database = await open()
  await assert.rejects(database.write([sql(`select 9007199254740993 as n`)]), /no safe integer/)
  assert.deepEqual(await database.write([sql('select 1 as n')]), [[{ n: 1 }]])
})

test('text is sorted byte by byte, whatever the database would do by itself', async () => {
  const database = await open()
  await migrate(database, migrations, 1)
  const name = (ns: string) => sql(`insert into counters(ns, name, value) values ($1, 'x', 1)`, ns)
  await database.write(['b', 'A', 'a', 'B', 'ä'].map(name))
  const sorted = await database.read(sql('select ns from counters order by ns'))
  assert.equal(sorted.map(({ ns }) => ns).join(''), 'ABabä')
  const default_order = await database.read(sql('select ns from counters order by cast(ns as text) collate "default"'))
  assert.notEqual(default_order.map(({ ns }) => ns).join(''), 'ABabä')
})

test('several nodes that start at once migrate an empty database once', async () => {
  const url = await server.createDatabase('starters')
  const nodes = await Promise.all([1, 2, 3, 4].map(() => open({ url })))
  const applied = await Promise.all(nodes.map((node) => migrate(node, migrations, 1)))
  // Whoever comes first makes what it finds missing; which node that is may change between two migrations.
  assert.deepEqual(
    applied.flat().toSorted((left, right) => left - right),
    migrations.map(({ version }) => version),
  )
})

test('a write that another one stood in the way of is made again', async () => {
  const database = await open()
  await database.write([create, insert('a', 0), insert('b', 0)])
  const bump = (id: string) => sql('update t set n = n + 1 where id = $1', id)
  const wait = sql('select pg_sleep(0.05)')
  await Promise.all([database.write([bump('a'), wait, bump('b')]), database.write([bump('b'), wait, bump('a')])])
  assert.deepEqual(await database.read(sql('select sum(n) as n from t')), [{ n: 4 }])
})

test('hints reach the listeners here and on other nodes once each', async () => {
  const url = await server.createDatabase('hints')
  const [one, other] = await Promise.all([open({ url }), open({ url })])
  const heard: string[] = []
  const { promise: last, resolve } = Promise.withResolvers<void>()
  one.hints.listen((topic) => heard.push(`one ${topic}`))
  other.hints.listen((topic) => {
    heard.push(`other ${topic}`)
    if (topic === 'end') resolve()
  })
  // The first ones may be lost while the nodes begin to listen.
  const knock = setInterval(() => one.hints.send(['knock']), 5)
  while (!heard.includes('other knock')) await new Promise((soon) => setTimeout(soon, 5))
  clearInterval(knock)
  one.hints.send(['a\nb', 'ü'])
  one.hints.send(['ü', 'end'])
  await last
  const after_knocks = heard.filter((line) => !line.endsWith('knock'))
  assert.deepEqual(
    after_knocks.filter((line) => line.startsWith('one')),
    ['one a\nb', 'one ü', 'one ü', 'one end'],
  )
  assert.deepEqual(
    after_knocks.filter((line) => line.startsWith('other')),
    ['other a\nb', 'other ü', 'other end'],
  )
})

test('ended connections are replaced: reads go on, and a write says that it may be tried again', async () => {
  const database = await open()
  await database.write([create])
  const end_all = sql(`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()
    and datname = current_database()`)
  await database.read(end_all)
  assert.deepEqual(await ids(database), [])
  // A connection that was ended while nobody used it is found out by its first use.
  while (
    !(await database.write([sql('select 1')]).then(
      () => true,
      () => false,
    ))
  );
  const sleeping = database.write([insert('a'), sql('select pg_sleep(10)')])
  sleeping.catch(() => {})
  while ((await database.read(sql(`select 1 as one from pg_stat_activity where wait_event = 'PgSleep'`))).length === 0);
  await database.read(end_all)
  await assert.rejects(sleeping, (error) => unavailable(error) && isOutcomeUnknown(error))
  await database.write([insert('b')])
  assert.deepEqual(await ids(database), ['b'])
})

test('a restart of the server ends nothing here: calls are refused meanwhile, and work again after it', async () => {
  const url = await server.createDatabase('restarted')
  const database = await open({ url })
  await database.write([create, insert('before')])
  for (const how of ['fast', 'kill'] as const) {
    await server.halt(how)
    const refusals = await Promise.allSettled([database.write([insert('lost')]), ids(database)])
    for (const refusal of refusals) assert.ok(refusal.status === 'rejected' && unavailable(refusal.reason))
    await server.start()
    await database.write([insert(how)])
  }
  assert.deepEqual(await ids(database), ['before', 'fast', 'kill'])
})

test('a server that falls silent is given up in the time of a statement, and the way to it is opened anew', async () => {
  let silent = false
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connectTo(server.port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => silent || to.write(bytes))
      from.on('close', () => to.destroy())
      from.on('error', () => {})
    }
  })
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready))
  const url = new URL(await server.createDatabase('silent'))
  url.port = String((proxy.address() as { port: number }).port)
  const database = await open({ url: url.href, statement_timeout_ms: 100 })
  await database.write([create])
  silent = true
  await assert.rejects(database.write([insert('unheard')]), (error) => unavailable(error) && isOutcomeUnknown(error))
  silent = false
  await database.write([insert('heard')])
  assert.deepEqual(await ids(database), ['heard'])
  for (const socket of sockets) socket.destroy()
  proxy.close()
})

test('a connection that is ended in the very moment in which it is ready is a call that failed, and not the end of the process', async () => {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5)
    head.write(type)
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const let_in = message('R', Buffer.alloc(4))
  const ready = message('Z', Buffer.from('I'))
  const ended = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'))
  const impatient = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.concat([let_in, ready, ended])))
  })
  await new Promise<void>((listening) => impatient.listen(0, '127.0.0.1', listening))
  const { port } = impatient.address() as { port: number }
  await assert.rejects(openPostgres({ url: `postgres://u:p@127.0.0.1:${port}/d` }), unavailable)
  impatient.close()
})

test('what a primary stored and its standby never saw is answered to nobody, not even to a repeat after a crash', async () => {
  const primary = await startPostgresServer()
  const link = await startRelay(() => [primary.port])
  const standby = await startStandby(primary, { port: link.port })
  const database = await openPostgres({ url: primary.url() })
  try {
    await database.write([create])
    await waitForStandby(primary)
    link.cut()
    const repeatable = sql(`insert into t(id) values ('a') on conflict do nothing`)
    const first = database.write([repeatable])
    first.catch(() => {})
    const waiting = `select 1 from pg_stat_activity where wait_event = 'SyncRep'`
    while ((await asked(primary.url(), waiting)).length === 0);
    await primary.halt('kill')
    await primary.start()
    await assert.rejects(first, (error) => unavailable(error) && isOutcomeUnknown(error))
    while (
      !(await ids(database).then(
        (found) => found.includes('a'),
        () => false,
      ))
    );

    const answers: string[] = []
    const repeats = [database.write([repeatable]), database.write([])].map((write) =>
      write.then(() => answers.push('answered')),
    )
    while (answers.length === 0 && (await asked(primary.url(), waiting)).length < 2);
    assert.deepEqual(answers, [])
    link.mend()
    await Promise.all(repeats)
    assert.deepEqual(await asked(standby.url(), 'select id from t'), [{ id: 'a' }])
  } finally {
    await database.close()
    await standby.stop()
    await link.close()
    await primary.stop()
  }
})

test('what the address asks of the server is kept beside our own settings', async () => {
  const url = `${await server.createDatabase('address')}?options=-c%20work_mem%3D7MB`
  const database = await open({ url })
  const settings = sql(`select current_setting('work_mem') as memory, current_setting('enable_seqscan') as scan`)
  assert.deepEqual(await database.write([settings]), [[{ memory: '7MB', scan: 'off' }]])
})

test('a closed store refuses, and an address that leads nowhere says so', async () => {
  const database = await open()
  await database.close()
  await assert.rejects(database.write([create]), { code: 'SHUTTING_DOWN' })
  await assert.rejects(database.read(create), { code: 'SHUTTING_DOWN' })
  await assert.rejects(openPostgres({ url: 'postgres://nobody@127.0.0.1:1/none' }), { code: 'STORE_UNAVAILABLE' })
  await assert.rejects(openPostgres({ url: server.url('missing') }), { code: 'STORAGE_FAILED' })
})

/** A process of its own with a store open. */
function child(code: string, ...flags: string[]) {
  const module = JSON.stringify(new URL('./postgres.ts', import.meta.url).href)
  const program = `import { openPostgres } from ${module}; const url = ${JSON.stringify(server.url())}; ${code}`
  return spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
    timeout: 60_000,
    encoding: 'utf8',
  })
}

test('an idle store does not keep its process alive', () => {
  const { status, stderr } = child(`const store = await openPostgres({ url })
    await store.write([{ sql: 'select 1', params: [] }])`)
  assert.deepEqual([status, stderr], [0, ''])
})

test('a program that waits for its store to be closed goes on after that', () => {
  const { status, stdout } = child(`const store = await openPostgres({ url })
    const listening = { sql: "select 1 as one from pg_stat_activity where query = 'listen memory_spine'", params: [] }
    while ((await store.read(listening)).length === 0);
    await store.close()
    console.log('closed')`)
  assert.deepEqual([status, stdout], [0, 'closed\n'])
})

test('without the driver, the refusal says how to install it', () => {
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name === 'pg') throw Object.assign(new Error('no pg'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(name, context)
    } })`
  const flag = `--import=data:text/javascript,${encodeURIComponent(hooks)}`
  const { stdout } = child('await openPostgres({ url }).catch((error) => console.log(error.message))', flag)
  assert.match(stdout, /npm install pg/)
})
