// A server with keys: the page asks for one, keeps it for the tab, and sends it with every call.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import { buildPage, openBrowser, openHouse, openPage } from './stage.ts'

const api_key = 'msk_of_the_night_desk'
const keys = `desk:museum:${createHash('sha256').update(api_key).digest('hex')}`

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
