/** A receiver that accepts, keeps its lease by heartbeats, and never comes to an end by itself. */

import { MemorySpine } from '../../index.ts'

const [endpoint = '', lease = ''] = process.argv.slice(2)
const memorySpine = new MemorySpine({ endpoint })
memorySpine.receive(
  'coder',
  async ({ delivery: { id } }) => {
    process.stdout.write(`${JSON.stringify({ accepted: id })}\n`)
    await new Promise(() => {})
  },
  { lease_ms: Number(lease) },
)
