/** What the browser tests stand on: a real server over a real file, that can be stopped and started again, and Chromium. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import chromium from '@sparticuz/chromium'
import { type Browser, type BrowserContext, type Page, chromium as playwright } from 'playwright-core'
import { connect } from '../../spine/src/client/connect.ts'
import { createSpine, openSqlite } from '../../spine/src/embedded.ts'
import type { Spine } from '../../spine/src/protocol/spine.ts'
import { createServer } from '../../spine/src/server.ts'
import { systemClock } from '../../spine/src/service/clock.ts'

export type House = {
  /** Lets so much time pass for the server; it began an hour ago, so that its story can take its time. */
  pass: (ms: number) => void
  /** Until the time of the server is so much before that of the day. */
  passUntil: (ago_ms: number) => void
  /** No time passes for the server while this is done, however long it takes. */
  atOnce: (work: () => Promise<void>) => Promise<void>
  readonly endpoint: string
  /** Calls the server as an agent would. */
  spine: Spine
  stop(): Promise<void>
  /** Again, on the same port and file. */
  start(): Promise<void>
  close(): Promise<void>
}

/** How far the clock of the server may be moved on before it shows the time of the day. */
const began_before_ms = 3_600_000

export type HouseOptions = { keys?: string; api_key?: string }

/** The page is built when its sources have changed; nothing else makes it. */
export const buildPage = (): Promise<unknown> =>
  promisify(execFile)(process.execPath, [fileURLToPath(new URL('../build.js', import.meta.url))])

export async function openHouse({ keys = '', api_key }: HouseOptions = {}): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-page-'))
  let port = 0
  let running: AsyncDisposableStack | undefined
  let endpoint = ''
  let behind_ms = began_before_ms
  const system = systemClock()
  let still_at: number | undefined
  const clock = { ...system, now: () => still_at ?? system.now() - behind_ms }
  const start = async () => {
    const opened = new AsyncDisposableStack()
    const database = await openSqlite({ file: join(folder, 'spine.db') })
    opened.defer(() => database.close())
    const spine = await createSpine({ database, clock })
    opened.defer(() => spine.close())
    const server = createServer({ spine, keys, log_level: 'silent' })
    opened.defer(() => server.close())
    endpoint = await server.listen({ port })
    port = Number(new URL(endpoint).port)
    running = opened
  }
  const stop = async () => {
    await running?.disposeAsync()
    running = undefined
  }
  await start()
  const spine = connect({ endpoint, timeout_ms: 120_000, ...(api_key !== undefined && { api_key }) })
  return {
    get endpoint() {
      return endpoint
    },
    spine,
    pass: (ms) => {
      behind_ms = Math.max(0, behind_ms - ms)
    },
    passUntil: (ago_ms) => {
      behind_ms = Math.min(behind_ms, ago_ms)
    },
    async atOnce(work) {
      still_at = clock.now()
      await work()
      behind_ms = system.now() - still_at
      still_at = undefined
    },
    start,
    stop,
    async close() {
      await spine.close()
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const system = '/usr/bin/chromium'

/** The chromium of the machine if it has one, else the one from npm, without the arguments that suit only a lambda. */
export const openBrowser = async (): Promise<Browser> =>
  playwright.launch({
    executablePath: existsSync(system) ? system : await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--headless=shell'],
  })

export type Seen = { page: Page; context: BrowserContext; complaints: string[] }

/** A page of its own, and what its console complained about. */
export async function openPage(browser: Browser, theme: 'light' | 'dark' = 'light', width = 1_440): Promise<Seen> {
  const context = await browser.newContext({
    locale: 'en-US',
    colorScheme: theme,
    viewport: { width, height: 900 },
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  // Of a test that hangs, not of a machine that is busy.
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, context, complaints }
}
