// Ten thousand deliveries: only the rows near the window are in the document, from the first to the last of them.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { buildPage, openBrowser, openHouse, openPage } from './stage.ts'

const receivers_each = 1_000
const envelopes = 10

// Not in the test, whose time is limited.
await buildPage()
const [house, browser] = await Promise.all([openHouse(), openBrowser()])
after(async () => {
  await browser.close()
  await house.close()
})
const { spine } = house
const receivers = Array.from({ length: receivers_each }, (_, index) => `usher-${index}`)
for (let sent = 0; sent < envelopes; sent += 1) {
  const call = { source_agent: 'desk', target_agent: 'broadcast', task_summary: `Notice ${sent}`, previous: null }
  const { id } = await spine.handoffs.create(call)
  await spine.channels.publish({ channel: 'notices', envelope_id: id, receivers })
}

test('a list of 10,000 handoffs is scrolled to its end with a few rows in the document', async () => {
  const { page, complaints } = await openPage(browser)
  await page.goto(`${house.endpoint}/#/handoffs`)
  const table = page.getByRole('table', { name: 'Handoffs' })
  await table.waitFor()
  const rows = () => page.evaluate<number>("document.querySelectorAll('tbody tr').length")
  let most = 0
  // Each page that comes makes the list longer, until the last one is there.
  while (!(await page.getByText('10,000 deliveries read').isVisible())) {
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)))')
    most = Math.max(most, await rows())
  }
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
  await page.getByRole('link', { name: 'desk → usher-0', exact: true }).first().waitFor()
  assert.equal(await table.getAttribute('aria-rowcount'), '10001')
  assert.ok(most > 40 && most < 150, `${most} rows`)
  await page.evaluate('scrollTo(0, 0)')
  await page.getByRole('link', { name: 'desk → usher-999', exact: true }).first().waitFor()
  assert.deepEqual(complaints, [])
})
