// A server to which nothing has happened yet: the page shows the three first calls and ticks them off by itself.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import axe from 'axe-core'
import { buildPage, openBrowser, openHouse, openPage } from './stage.ts'

// Not in the test, whose time is limited.
await buildPage()
const [house, browser] = await Promise.all([openHouse(), openBrowser()])
after(async () => {
  await browser.close()
  await house.close()
})

test('the first steps are ticked off as they are taken, and then the figures are there', async () => {
  const { spine } = house
  const { page, complaints } = await openPage(browser)
  await page.goto(house.endpoint)
  await page.getByText('Ready for the first handoff').waitFor()
  await page.getByText('waiting for the first memory').waitFor()
  await page.evaluate(axe.source)
  const faults = await page.evaluate(
    "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id))",
  )
  assert.deepEqual(faults, [])
  await page.getByRole('button', { name: 'curl' }).click()
  await page.getByText(`curl -sS ${house.endpoint}/v1/memories`).waitFor()

  await spine.memories.store({ id: 'lamp-1', content: 'The lamps of the north hall are on a clock.' })
  await page.getByText('waiting for the first handoff').waitFor()
  const { id } = await spine.handoffs.create({ target_agent: 'keeper', task_summary: 'Set the clock.', previous: null })
  await spine.deliveries.send({ envelope_id: id })
  await page.getByText('waiting for the first acknowledgement').waitFor()
  const { deliveries } = await spine.deliveries.receive({ agent: 'keeper', wait_ms: 0 })
  const [delivery] = deliveries
  assert.ok(delivery)
  await spine.deliveries.accept({ id: delivery.id, lease_token: delivery.lease_token })
  await page.getByText('Handoffs, live').waitFor()
  await page.getByText('Every handoff arrives whole').waitFor()
  assert.deepEqual(complaints, [])
})
