/** `npm run screens`: pictures of every page, by day and by night, of what the agents of the story did. Into docs/screens. */

import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { buildPage, type House, openBrowser, openHouse, openPage } from './stage.ts'
import { type Story, tell } from './story.ts'

type Shot = { name: string; hash: string; ready: string | RegExp }

const folder = fileURLToPath(new URL('../../../docs/screens/', import.meta.url))

const shotsOf = ({ broadcast, chain }: Story): readonly Shot[] => [
  { name: 'overview', hash: 'overview', ready: /One target is failing/ },
  { name: 'handoffs', hash: 'handoffs', ready: /deliveries read/ },
  { name: 'handoff', hash: `handoffs/${broadcast}`, ready: /sealed: / },
  { name: 'handoff-text', hash: `handoffs/${broadcast}?tab=text`, ready: '## Do next' },
  { name: 'chain', hash: `chains/${chain[0]}`, ready: /One line is one item/ },
  { name: 'what-if', hash: `what-if/${broadcast}?budget=2600`, ready: /(brings|names|shows an excerpt of) sm-/ },
  { name: 'dead-letters', hash: 'dead-letters', ready: /attempt 3/ },
  { name: 'agents', hash: 'agents', ready: /held back by a breaker/ },
  { name: 'memories', hash: 'memories/sm-103', ready: /The cache in front of/ },
]

/** As WebP, which the browser makes itself: a third of the size of a PNG. */
async function smallPicture(page: Page): Promise<Buffer> {
  const png = (await page.screenshot()).toString('base64')
  // On an empty page, because the policy of ours lets no picture in from elsewhere.
  const blank = await page.context().newPage()
  const picture = await blank.evaluate<string>(`new Promise((resolve) => {
    const image = new Image()
    image.onload = () => {
      const canvas = new OffscreenCanvas(image.width, image.height)
      canvas.getContext('2d').drawImage(image, 0, 0)
      canvas.convertToBlob({ type: 'image/webp', quality: 0.82 }).then((blob) => {
        const reader = new FileReader()
        reader.onload = () => resolve(reader.result)
        reader.readAsDataURL(blob)
      })
    }
    image.src = 'data:image/png;base64,${png}'
  })`)
  return Buffer.from(picture.split(',')[1] ?? '', 'base64')
}

async function shoot(house: House, shots: readonly Shot[]): Promise<void> {
  const browser = await openBrowser()
  for (const { name, hash, ready } of shots)
    for (const theme of ['light', 'dark'] as const) {
      const { page, context, complaints } = await openPage(browser, theme)
      await page.goto(`${house.endpoint}/#/${hash}`)
      await page.getByText(ready).first().waitFor()
      await page.waitForLoadState('networkidle', { timeout: 2_000 }).catch(() => undefined)
      await writeFile(`${folder}${name}-${theme}.webp`, await smallPicture(page))
      if (complaints.length > 0) throw new Error(`${name}, ${theme}: ${complaints.join('; ')}`)
      await context.close()
    }
  await browser.close()
}

await buildPage()
await mkdir(folder, { recursive: true })
const quiet = await openHouse()
await shoot(quiet, [{ name: 'empty', hash: 'overview', ready: /Ready for the first handoff/ }])
await quiet.close()
const house = await openHouse()
await shoot(house, shotsOf(await tell(house)))
await house.close()
console.log(`the pictures are in ${folder}`)
