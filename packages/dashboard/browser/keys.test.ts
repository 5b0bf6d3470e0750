// A server with keys: the page asks for one, keeps it for the tab, sends it with every call, and shows nothing that was
// asked for before it.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import type { Page, Request } from 'playwright-core'
import { connect } from '../../spine/src/client/connect.ts'
import { buildPage, openBrowser, openHouse, openPage } from './stage.ts'

const digest = (key: string) => createHash('sha256').update(key).digest('hex')
const api_key = 'msk_of_the_night_desk'
const tower_key = 'msk_of_the_tower'
const keys = [`desk:museum:${digest(api_key)}`, `keeper:tower:${digest(tower_key)}`].join(',')

// Not in the test, whose time is limited.
await buildPage()
const [house, browser] = await Promise.all([openHouse({ keys, api_key }), openBrowser()])
after(async () => {
  await browser.close()
  await house.close()
})

test('where a key is needed the page asks for it, and a wrong one is told', async () => {
  await house.spine.memories.store({ id: 'lamp-1', content: 'The lamps of the north hall are on a clock.' })
  const { page } = await openPage(browser)
  await page.goto(`${house.endpoint}/#/memories`)
  await page.getByText('This server wants a key').waitFor()
  await page.getByLabel('API key').fill('msk_wrong')
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByText('This key does not open this server').waitFor()
  await page.getByLabel('API key').fill(api_key)
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByRole('link', { name: 'lamp-1' }).waitFor()
  assert.equal(await page.evaluate("sessionStorage.getItem('spine.api_key')"), api_key)
  assert.equal(await page.evaluate("JSON.stringify(localStorage).includes('msk_')"), false)
  await page.reload()
  await page.getByRole('link', { name: 'lamp-1' }).waitFor()
})

/** Holds the requests that `is` tells, until they are let go. */
async function hold(page: Page, is: (url: string, key: string | undefined) => boolean) {
  const arrived = Promise.withResolvers<Request>()
  const going = Promise.withResolvers<void>()
  await page.route('**/v1/**', async (route, request) => {
    if (is(request.url(), request.headers().authorization)) {
      arrived.resolve(request)
      await going.promise
    }
    // The page may have given it up.
    await route.continue().catch(() => {})
  })
  return {
    arrived: arrived.promise,
    async letGo() {
      going.resolve()
      const response = await (await arrived.promise).response().catch(() => null)
      await response?.finished()
    },
  }
}

test('deliveries that were asked for with another key are not shown when they come at last', async () => {
  const tower = connect({ endpoint: house.endpoint, api_key: tower_key })
  for (const [spine, target_agent] of [
    [house.spine, 'lamp-keeper'],
    [tower, 'bell-ringer'],
  ] as const) {
    const { id } = await spine.handoffs.create({ target_agent, task_summary: 'Go round at ten.', previous: null })
    await spine.deliveries.send({ envelope_id: id })
  }
  await tower.close()
  const { page } = await openPage(browser)
  await page.addInitScript(`sessionStorage.setItem('spine.api_key', '${api_key}')`)
  const held = await hold(page, (url, key) => url.includes('/v1/deliveries?') && key === `Bearer ${api_key}`)
  await page.goto(`${house.endpoint}/#/handoffs`)
  await held.arrived
  await page.getByRole('button', { name: 'namespace and key' }).click()
  await page.getByLabel('API key').fill(tower_key)
  await page.getByRole('button', { name: 'Use these' }).click()
  await held.letGo()
  await page.getByRole('row', { name: /bell-ringer/ }).waitFor()
  assert.equal(await page.getByRole('row', { name: /lamp-keeper/ }).count(), 0)
})

test('older memories that were asked for before another filter are not added to what it finds', async () => {
  const memories = Array.from({ length: 250 }, (_, n) => ({
    id: `note-${n}`,
    content: `Note ${n}.`,
    kind: 'note' as const,
  }))
  await house.spine.memories.store({ memories: memories.slice(0, 125) })
  await house.spine.memories.store({ memories: memories.slice(125) })
  await house.spine.memories.store({ id: 'fact-1', content: 'The bell weighs 900 kg.', kind: 'fact' })
  const { page } = await openPage(browser)
  await page.addInitScript(`sessionStorage.setItem('spine.api_key', '${api_key}')`)
  const held = await hold(page, (url) => url.includes('/v1/memories?') && url.includes('after='))
  await page.goto(`${house.endpoint}/#/memories`)
  await page.getByText('200+ read').waitFor()
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
  await held.arrived
  await page.getByLabel('Kind').selectOption('fact')
  await page.getByText('1 read', { exact: true }).waitFor()
  await held.letGo()
  // What the page makes of it is there in the next drawing.
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
  assert.equal(await page.getByText('1 read', { exact: true }).count(), 1)
})
