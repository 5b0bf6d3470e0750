// The page in a real Chromium, over a real server and what a team of agents did there.

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
const story = await tell(house)

const open = (page: Page, hash: string) => page.goto(`${house.endpoint}/#/${hash}`)

type Found = { id: string; nodes: { html: string }[]; impact: string }

/** What axe calls serious or worse. */
async function faultsOf(page: Page, options = {}): Promise<string[]> {
  const call = `axe.run(document, ${JSON.stringify({ resultTypes: ['violations'], ...options })})`
  const found = (await page.evaluate(`${call}.then(({ violations }) => violations)`)) as Found[]
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
}

type View = { name: string; hash: string; says: RegExp }

const views: readonly View[] = [
  { name: 'overview', hash: 'overview', says: /One target is failing: manual-writer/ },
  { name: 'what if', hash: `what-if/${story.broadcast}?budget=2600`, says: /memories travel with less text/ },
  { name: 'what if, to choose from', hash: 'what-if', says: /Choose a handoff/ },
  { name: 'handoffs', hash: 'handoffs', says: /One row is one envelope/ },
  { name: 'one handoff', hash: `handoffs/${story.broadcast}`, says: /sealed: [\d,]+ of 4,200/ },
  { name: 'the text of a handoff', hash: `handoffs/${story.broadcast}?tab=text`, says: /## Do next/ },
  { name: 'chains', hash: 'chains', says: /A chain is all that came of one first handoff/ },
  { name: 'one chain', hash: `chains/${story.chain[0]}`, says: /One line is one item/ },
  { name: 'dead letters', hash: 'dead-letters', says: /5 deliveries wait for a person/ },
  { name: 'agents', hash: 'agents', says: /manual-writer is held back by a breaker/ },
  { name: 'memories', hash: 'memories', says: /Never change the till/ },
  { name: 'one memory', hash: 'memories/sm-103', says: /The cache in front of seats\.json/ },
]

for (const { name, hash, says } of views)
  test(`${name}: it is shown, the console is silent, axe finds no serious fault by day or by night`, async () => {
    const { page, context, complaints } = await openPage(browser)
    await open(page, hash)
    await page.getByText(says).first().waitFor()
    await page.evaluate(axe.source)
    assert.deepEqual(await faultsOf(page), [])
    await page.getByRole('button', { name: 'Switch between light and dark' }).click()
    assert.deepEqual(await faultsOf(page, { runOnly: ['color-contrast'] }), [])
    assert.deepEqual(complaints, [])
    await context.close()
  })

test('all that the first paint needs is less than 100 kB', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'overview')
  await page.getByText('One target is failing').waitFor()
  const bytes = await page.evaluate(
    "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(({ name }) => !name.includes('/v1/')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)",
  )
  assert.ok(Number(bytes) > 10_000 && Number(bytes) < 100_000, `${bytes} bytes`)
  await context.close()
})

test('an alert that is open is acknowledged and silenced from the page', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'overview')
  const alert = page.getByRole('article').filter({ hasText: 'Breaker opened for manual-writer' })
  await alert.getByRole('button', { name: 'Acknowledge' }).click()
  await alert.getByText('Acknowledged by dashboard').waitFor()
  await alert.getByRole('button', { name: 'Silence for 1 h' }).click()
  await alert.getByText('Silent until').waitFor()
  const { alerts } = await house.spine.alerts.list({ target: 'manual-writer' })
  const raised = alerts.find(({ rule }) => rule === 'breaker_open')
  assert.equal(raised?.acknowledged?.by, 'dashboard')
  assert.ok(raised?.silenced_until)
  await context.close()
})

test('the slider of the what-if goes by keys, and the finding follows it', async () => {
  const { page, context } = await openPage(browser)
  await open(page, `what-if/${story.broadcast}`)
  await page.getByText('everything travels as sealed').waitFor()
  const slider = page.getByRole('slider', { name: 'Token budget' })
  await slider.focus()
  await page.keyboard.press('Shift+ArrowLeft')
  await page.keyboard.press('ArrowLeft')
  assert.equal(await slider.getAttribute('aria-valuetext'), '3,100 tokens')
  await page.getByText(/With 3,100 tokens, \d memor(y|ies) travels? with less text/).waitFor()
  await page.keyboard.press('Home')
  await page.getByText(/Relevance carried falls/).waitFor()
  await page.getByRole('radio', { name: /lazy/ }).press(' ')
  await page.waitForURL(/strategy=lazy/)
  await context.close()
})

test('what comes while one points at the list waits and is counted', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  const first = page.getByRole('row').nth(1)
  await first.hover()
  const before = await first.textContent()
  const { id } = await house.spine.handoffs.create({
    source_agent: 'night-desk',
    target_agent: 'bell-ringer',
    task_summary: 'Ring the bell at closing time',
    previous: null,
  })
  await house.spine.deliveries.send({ envelope_id: id })
  await page.getByText('1 new while you read').waitFor()
  assert.equal(await first.textContent(), before)
  await page.getByText('1 new while you read').click()
  await page.getByRole('row', { name: /bell-ringer/ }).waitFor()
  await context.close()
})

test('a handoff appears in the list while one looks, and moves when it is claimed', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  await page.getByText('seat map').first().waitFor()
  const { id } = await house.spine.handoffs.create({
    source_agent: 'night-desk',
    target_agent: 'lamp-keeper',
    task_summary: 'Switch the lamps of the north hall off',
    previous: null,
  })
  await house.spine.deliveries.send({ envelope_id: id })
  const row = page.getByRole('row', { name: /night-desk.*lamp-keeper/ })
  await row.getByText('ready').waitFor()
  const { deliveries } = await house.spine.deliveries.receive({ agent: 'lamp-keeper', wait_ms: 0 })
  assert.equal(deliveries.length, 1)
  await row.getByText('leased').waitFor()
  await context.close()
})

test('dead letters: one is sent back, one is discarded with a reason, all of one cause go back at once', async () => {
  const { page, context, complaints } = await openPage(browser)
  await open(page, 'dead-letters')
  const letter = page.getByRole('button', { name: 'crawler → summariser' })
  await letter.click()
  await page.getByRole('button', { name: 'Redrive to summariser' }).click()
  await page.getByText('1 delivery sent back.').waitFor()
  const { deliveries } = await house.spine.deliveries.list({ target: 'summariser', state: 'ready' })
  assert.deepEqual(
    deliveries.map(({ generation }) => generation),
    [1],
  )
  await page.getByText('4 deliveries wait for a person').waitFor()

  await page.getByRole('button', { name: 'front-desk → refunds' }).click()
  await page.getByRole('button', { name: 'Redrive to refunds' }).waitFor()
  await page.keyboard.press('d')
  const discard = page.getByRole('button', { name: 'Discard', exact: true })
  assert.ok(await discard.isDisabled())
  await page.getByLabel('Reason').fill('the visitor took the refund at the desk')
  await discard.click()
  await page.getByText('3 deliveries wait for a person').waitFor()
  const { deliveries: discarded } = await house.spine.deliveries.list({ state: 'discarded' })
  assert.equal(discarded[0]?.reason, 'the visitor took the refund at the desk')

  await page.getByRole('button', { name: 'Select' }).click()
  await page.getByRole('button', { name: 'Redrive 3' }).click()
  await page.getByText('Nothing is parked.').waitFor()
  assert.equal((await house.spine.parked.list({})).deliveries.length, 0)
  assert.deepEqual(complaints, [])
  await context.close()
})

test('keys alone find a handoff, open it and come back', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  await page.getByText('seat map').first().waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  const first = await page.evaluate('document.activeElement.textContent')
  assert.match(String(first), /→/)
  await page.keyboard.press('Enter')
  await page.getByRole('tab', { name: 'Envelope JSON' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('One row is one envelope').waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('sm-103')
  await page.keyboard.press('Enter')
  await page.getByText('Why sold seats look free').first().waitFor()
  await context.close()
})

test('who begins to type the moment a page has come keeps the focus', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  await page.getByText('One row is one envelope').waitFor()
  const focused = await page.evaluate(`new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector('h1')?.textContent.includes('Agents')) return
      observer.disconnect()
      document.querySelector('input[type=search]').focus()
      requestAnimationFrame(() => setTimeout(() => resolve(document.activeElement.type)))
    }).observe(document.getElementById('main'), { childList: true, subtree: true, characterData: true })
    location.hash = '#/agents'
  })`)
  assert.equal(focused, 'search')
  await context.close()
})

test('a breaker is closed by hand, and is then not offered to be closed', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'agents')
  await page.getByRole('button', { name: 'Close breaker' }).click()
  const row = page.getByRole('row', { name: /manual-writer.*closed/ })
  await row.waitFor()
  assert.equal(await row.getByRole('button').count(), 0)
  await context.close()
})

test('a memory is pinned and found by its words', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'memories')
  await page.getByLabel('Search memories').fill('kiosks in the hall')
  await page.getByRole('link', { name: 'sm-109' }).click()
  await page.getByRole('button', { name: 'Pin', exact: true }).click()
  await page.getByRole('button', { name: 'Unpin' }).waitFor()
  assert.equal((await house.spine.memories.get({ id: 'sm-109' })).pinned, true)
  await context.close()
})

test('a part that cannot be read says so in its place, the rest goes on, and it is read again', async () => {
  const { page, context } = await openPage(browser)
  await page.route('**/v1/agents?*', (route) =>
    route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      body: JSON.stringify({ code: 'STORAGE_FAILED', detail: 'The store does not answer.', retryable: true }),
    }),
  )
  await open(page, 'agents')
  const failed = page.getByRole('alert')
  await failed.getByText('The agents could not be read.').waitFor()
  assert.match(String(await failed.textContent()), /STORAGE_FAILED · 503 · retryable/)
  await page.unroute('**/v1/agents?*')
  await page.getByRole('button', { name: 'Read again' }).click()
  await page.getByRole('row', { name: /archivist/ }).waitFor()
  await context.close()
})

test('it survives a restart of the server: the figures stay, and what happened meanwhile comes', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  await page.getByText('seat map').first().waitFor()
  await house.stop()
  try {
    await page.getByText('No connection since').waitFor()
    assert.ok(await page.getByText('seat map').first().isVisible())
  } finally {
    await house.start()
  }
  const { id } = await house.spine.handoffs.create({
    source_agent: 'night-desk',
    target_agent: 'gate-keeper',
    task_summary: 'Lock the gate of the garden',
    previous: null,
  })
  await house.spine.deliveries.send({ envelope_id: id })
  await page.getByRole('row', { name: /night-desk.*gate-keeper/ }).waitFor()
  await page.getByText('No connection since').waitFor({ state: 'detached' })
  await context.close()
})

test('what was sealed and not sent has a row, can be filtered for, and becomes a delivery when it is sent', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  await page.getByText('seat map').first().waitFor()
  const { id } = await house.spine.handoffs.create({
    source_agent: 'night-desk',
    target_agent: 'clock-winder',
    task_summary: 'Wind the clock of the tower',
    previous: null,
  })
  const row = page.getByRole('row', { name: /night-desk.*clock-winder/ })
  await row.getByText('sealed, not sent').waitFor()
  await page.getByLabel('Receiver').selectOption('bookings')
  await row.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Clear filter' }).click()
  await page.getByLabel('State').selectOption('sealed, not sent')
  await page.getByText(/^1 of the handoffs match/).waitFor()
  await house.spine.deliveries.send({ envelope_id: id })
  await page.getByText('No handoff matches.').waitFor()
  await page.getByRole('button', { name: 'Clear filter' }).first().click()
  // Under the pointer the list would hold still.
  await page.mouse.move(0, 0)
  await row.getByText('ready').waitFor()
  await context.close()
})

test('a click anywhere on a row opens it; its link is still the one thing that keys come to', async () => {
  const { page, context } = await openPage(browser)
  await open(page, 'handoffs')
  const row = page.getByRole('row', { name: /visitor-desk.*researcher/ }).first()
  await row.waitFor()
  assert.equal(await row.locator('a, button, [tabindex]').count(), 1)
  await row.getByText('completed').click()
  await page.getByRole('tab', { name: 'Envelope JSON' }).waitFor()
  await context.close()
})
