/** A server over a store with one protection missing: `server-worker.ts STORE WEAKNESS`. */

import { createSpine, openPostgres, openSqlite } from '../../embedded.ts'
import { contract } from '../../protocol/contract.ts'
import { operationsOf, type Spine } from '../../protocol/spine.ts'
import { createServer } from '../../server.ts'
import { type WeakDatabase, weakDatabases } from './weaknesses.ts'

/** How a store is opened that should not be opened like this. */
const weakOpenings: Readonly<Record<string, Partial<Parameters<typeof openSqlite>[0]>>> = {
  no_ballast: { ballast: { bytes: 0 } },
  unsynced: { synchronous: 'normal' },
  /** Nobody is told that the file failed. */
  undying: {},
  writing_first: {},
}

const [url = '', weakness = ''] = process.argv.slice(2)
const real = await (url.startsWith('sqlite:')
  ? openSqlite({ file: url.replace('sqlite:', ''), ...weakOpenings[weakness] })
  : openPostgres({ url }))
const database = weakness in weakOpenings ? real : await weakDatabases[weakness as WeakDatabase](real)
const spine = await createSpine({ database })

/** Writes something before it looks at what it was given. */
function writingFirst(given: Spine): Spine {
  const operations = operationsOf(contract, async (group, name, _operation, input, options) => {
    await given.memories.store({ content: `${group}.${name} was called.` })
    // biome-ignore lint/suspicious/noExplicitAny: the contract ties each function to its input; a loop cannot say so.
    return (given as any)[group][name](input, options)
  })
  return { ...operations, close: given.close }
}

const server = createServer({ spine: weakness === 'writing_first' ? writingFirst(spine) : spine, log_level: 'silent' })
process.stdout.write(`${JSON.stringify({ endpoint: await server.listen(), pid: process.pid })}\n`)
