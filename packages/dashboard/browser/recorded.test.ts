// Recorded runs, played into the server by `memory-spine replay`, watched on the page while they run.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildPage, openBrowser, openHouse, openPage } from './stage.ts'

const program = fileURLToPath(new URL('../../spine/src/cli/main.ts', import.meta.url))

/** Two guides pass a group of visitors back and forth, with a word more each time. */
const tour = (id: string, turns: number) => ({
  id,
  task: 'Lead the class through the museum. Nobody is left behind, and all are back at noon.',
  constraints: ['nobody is left behind', 'back at noon'],
  turns: Array.from({ length: turns }, (_, i) => ({
    i,
    agent: i % 2 ? 'guide-north' : 'guide-south',
    role: 'agent',
    content: `Stop ${i}: ${24 - (i % 3)} of 24 children are here, the ${i % 2 ? 'clock tower' : 'garden'} comes next.`,
  })),
  handoffs: Array.from({ length: turns - 1 }, (_, i) => ({
    from_agent: i % 2 ? 'guide-north' : 'guide-south',
    to_agent: i % 2 ? 'guide-south' : 'guide-north',
    at_turn: i + 1,
  })),
})

// Not in the test, whose time is limited.
await buildPage()
const folder = await mkdtemp(join(tmpdir(), 'memory-spine-log-'))
const [house, browser] = await Promise.all([openHouse(), openBrowser()])
after(async () => {
  await browser.close()
  await house.close()
  await rm(folder, { recursive: true })
})
const file = join(folder, 'tours.jsonl')
await writeFile(file, [tour('monday', 6), tour('tuesday', 4)].map((trace) => JSON.stringify(trace)).join('\n'))
const played = await promisify(execFile)(process.execPath, [program, 'replay', file, '--endpoint', house.endpoint])

test('recorded runs appear as chains in the namespace that they were played into', async () => {
  const namespace = /namespace (\S+)/.exec(played.stderr)?.[1] ?? ''
  assert.notEqual(namespace, '')

  const { page, complaints } = await openPage(browser)
  await page.goto(`${house.endpoint}/?namespace=${namespace}#/chains`)
  await page.getByText('2 chains').waitFor()
  await page.getByRole('table', { name: 'Chains' }).getByRole('link').first().click()
  await page.getByText('One line is one item').waitFor()
  assert.equal((await page.getByRole('link', { name: /^Open hop/ }).count()) > 2, true)
  await page.goto(`${house.endpoint}/?namespace=${namespace}#/handoffs`)
  await page.getByText('8 deliveries read').waitFor()
  assert.equal(await page.getByRole('row', { name: /completed/ }).count(), 8)
  assert.deepEqual(complaints, [])
})
