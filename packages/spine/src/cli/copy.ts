/** `memory-spine copy`: a whole store into an empty one, most often a file into a database of many nodes. */

import { existsSync } from 'node:fs'
import { type CopyProgress, copyStore } from '../store/copy.ts'
import { storeAddress, UsageError } from './config.ts'
import { isPostgres, openStore, storeFile } from './local-server.ts'
import { type Output, table } from './output.ts'
import { bar, progressLine } from './progress.ts'

/** A page of large rows over a slow line takes longer than a call of a node may. */
const PAGE_MS = 120_000

export async function copyCommand(flags: Record<string, unknown>, output: Output): Promise<number> {
  const [from, to] = [storeOf('--from', flags.from), storeOf('--to', flags.to)]
  if (!isPostgres(from) && !existsSync(storeFile(from)))
    throw new UsageError(`--from: there is no store at ${storeFile(from)}.`)
  const began = performance.now()
  await using opened = new AsyncDisposableStack()
  const open = async (store: string) => {
    const { database } = await openStore(store, { statement_timeout_ms: PAGE_MS })
    opened.defer(() => database.close())
    return database
  }
  const [source, target] = [await open(from), await open(to)]
  const { tables, resumed } = await copyStore(source, target, { now: Date.now(), progress: showing(output) })
  const rows = tables.reduce((sum, one) => sum + one.rows, 0)
  const took_ms = Math.round(performance.now() - began)
  output.say(
    table(
      ['table', 'rows', 'digest'],
      tables.map((one) => [one.table, String(one.rows), one.digest]),
    ),
  )
  const took = `${rows.toLocaleString('en')} rows in ${(took_ms / 1_000).toFixed(1)} s`
  output.say(`${took}${resumed ? ', the rest of a copy that was ended' : ''}. Both stores were read and hold the same.`)
  output.answer({ rows, resumed, took_ms, tables })
  return 0
}

function storeOf(flag: string, given: unknown): string {
  const parsed = storeAddress.safeParse(given)
  if (parsed.success) return parsed.data
  throw new UsageError(`${flag}: ${parsed.error.issues[0]?.message}`)
}

/** A bar for copying, and one for comparing. */
function showing(output: Output) {
  let began = { doing: '', done: 0, at: 0 }
  let show = progressLine(output)
  return ({ doing, table, done, total }: CopyProgress): void => {
    if (doing !== began.doing) {
      began = { doing, done, at: performance.now() }
      show = progressLine(output)
    }
    const share = total === 0 ? 1 : done / total
    const left_s = ((performance.now() - began.at) / 1_000 / Math.max(1, done - began.done)) * (total - done)
    const words = `${done.toLocaleString('en')} of ${total.toLocaleString('en')} rows`
    show(share, `${doing} ${bar(share)}  ${words}, ${Math.ceil(left_s)} s left  ${table}`)
  }
}
