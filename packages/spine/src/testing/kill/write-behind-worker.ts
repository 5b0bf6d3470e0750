/**
 * The server as it must not be: it answers from a copy in memory, and its writes to the file lag behind by some batches.
 * The proof that the kill test sees a loss when there is one.
 */

import { createSpine, openSqlite } from '../../embedded.ts'
import { createServer } from '../../server.ts'
import type { Batch } from '../../store/database.ts'

const LAG = 50

const [file = ''] = process.argv.slice(2)
const behind: Batch[] = []
const copy = await openSqlite({ file: ':memory:' })
const real = await openSqlite({ file })
const spine = await createSpine({
  database: {
    ...copy,
    async write(batch) {
      behind.push(batch)
      const oldest = behind.length > LAG ? behind.shift() : undefined
      if (oldest) void real.write(oldest)
      return copy.write(batch)
    },
  },
})
const server = createServer({ spine, log_level: 'silent' })
process.stdout.write(`${JSON.stringify({ endpoint: await server.listen() })}\n`)
