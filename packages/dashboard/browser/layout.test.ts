// What a newcomer's first hour makes of the drawings: nothing is printed on anything else, and a phone is wide enough.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { buildPage, openBrowser, openHouse, openPage } from './stage.ts'
import { tell } from './story.ts'

// Not in a hook, which is on the limited time of the first test.
await buildPage()
const [house, browser] = await Promise.all([openHouse(), openBrowser()])
after(async () => {
  await browser.close()
  await house.close()
})

const call = { source_agent: 'analyst', target_agent: 'proof-reader', previous: null }

/** Handoffs that name what was never stored. */
async function forget(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1)
    await house.spine.handoffs.create({
      ...call,
      task_summary: 'Look it up.',
      memory_ids: [`gone-${turn}`, `lost-${turn}`],
    })
}

/** One that waits for a while, and then its attempts are spent at once. */
async function hurry(): Promise<string> {
  const { spine } = house
  const { id } = await spine.handoffs.create({ ...call, task_summary: 'Read the proofs.' })
  await spine.deliveries.send({ envelope_id: id })
  house.pass(60_000)
  await house.atOnce(async () => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [held] = (await spine.deliveries.receive({ agent: 'proof-reader', wait_ms: 0 })).deliveries
      assert.ok(held)
      const { id: delivery, lease_token } = held
      await spine.deliveries.nack({ id: delivery, lease_token, kind: 'retry', reason: 'busy', delay_ms: 0 })
    }
  })
  return id
}

/** Parked after three attempts within a moment. */
const hasty = await hurry()
const story = await tell(house)
await forget()

const open = async (page: Page, hash: string, says: RegExp | string) => {
  await page.goto(`${house.endpoint}/#/${hash}`)
  await page.getByText(says).first().waitFor()
}

/** Pairs of elements of `selector` within one `inside` that lie on each other by more than 1.5 px. */
const overprints = (page: Page, inside: string, selector: string): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll('${inside}')].flatMap((place) => {
    const boxes = [...place.querySelectorAll('${selector}')].map((one) => [one, one.getBoundingClientRect()])
    return boxes.flatMap(([left, a], index) => boxes.slice(index + 1).flatMap(([right, b]) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1.5 &&
      !left.contains(right) ? [left.textContent + ' on ' + (right.textContent || right.tagName)] : []))
  })`)

/** Drawings are made anew as widths, fonts and figures arrive: what counts is how they come to rest. */
async function nothingOverprints(page: Page, inside: string, selector: string): Promise<void> {
  let found = await overprints(page, inside, selector)
  for (let tries = 0; found.length > 0 && tries < 50; tries += 1) {
    await page.waitForTimeout(100)
    found = await overprints(page, inside, selector)
  }
  assert.deepEqual(found, [])
}

for (const width of [1_440, 390])
  test(`at ${width} px the words of the charts do not lie on each other or on the axis below`, async () => {
    const { page, context } = await openPage(browser, 'light', width)
    await open(page, 'overview', 'critical below 80 %')
    // Everything is counted.
    await page
      .getByText(/^\d\d gaps/)
      .first()
      .waitFor()
    await nothingOverprints(page, '.figure', '.plot text, .foot span')
    await context.close()
  })

test('latencies of a few ms are named beside their lines and not on the axis', async () => {
  const { page, context } = await openPage(browser)
  // What a real report says where everything is fast.
  await page.route('**/v1/health/report?*', async (route) => {
    const response = await route.fetch()
    const report = await response.json()
    const fast = (figures: { latency_ms: { all: object } }) => {
      figures.latency_ms.all = { count: 9, p50: 2, p95: 2.4, p99: 2.6, max: 3 }
    }
    for (const figures of [report.figures, ...report.history]) fast(figures)
    await route.fulfill({ response, json: report })
  })
  await open(page, 'overview', 'timeout 15 s')
  await page.getByText('2 ms', { exact: true }).first().waitFor()
  await nothingOverprints(page, '.figure', '.plot text, .foot span')
  await context.close()
})

test('attempts that came at once are one badge, beside the state and not under it', async () => {
  const { page, context } = await openPage(browser)
  await open(page, `handoffs/${hasty}`, 'handed back')
  await page.locator('.lane .error', { hasText: '1–3' }).waitFor()
  await nothingOverprints(page, '.lane', '.bad, .round')
  await context.close()
})

const pages: readonly (readonly [hash: string, says: RegExp | string])[] = [
  ['overview', 'Handoffs, live'],
  ['handoffs', 'seat map'],
  [`handoffs/${story.broadcast}`, /sealed: /],
  [`handoffs/${story.broadcast}?tab=text`, '## Do next'],
  ['chains', 'A chain is all that came of one first handoff'],
  [`chains/${story.chain[0]}`, 'One line is one item'],
  ['what-if', 'Choose a handoff'],
  [`what-if/${story.broadcast}?budget=2600`, 'memories travel with less text'],
  ['dead-letters', 'attempt 3'],
  ['agents', 'held back by a breaker'],
  ['memories/sm-103', 'The cache in front of'],
]

test('at 390 px no page is wider than the window, and axe finds no serious fault', async () => {
  const { page, context } = await openPage(browser, 'light', 390)
  for (const [hash, says] of pages) {
    await open(page, hash, says)
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    assert.equal(wide, 390, hash)
    await page.evaluate(axe.source)
    const faults = await page.evaluate(
      "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ' ' + nodes[0].html))",
    )
    assert.deepEqual(faults, [], hash)
  }
  await context.close()
})

test('at 390 px the headline has the width of the page, and heads of columns do not lie on each other', async () => {
  const { page, context } = await openPage(browser, 'light', 390)
  await open(page, 'overview', 'One target is failing')
  const headline = await page.locator('h1').boundingBox()
  assert.ok(headline && headline.width > 300 && headline.height < 100, JSON.stringify(headline))
  for (const [hash, says] of pages.slice(0, 2)) {
    await open(page, hash, says)
    const words = await page.evaluate<string[]>(
      "[...document.querySelectorAll('th')].filter((head) => head.scrollWidth > head.clientWidth + 1).map((head) => head.textContent)",
    )
    assert.deepEqual(words, [], hash)
  }
  await context.close()
})
