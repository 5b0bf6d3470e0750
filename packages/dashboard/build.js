// Builds the web page into packages/spine/dist/dashboard, from where the server serves it, when its sources differ from
// those it was built of. Their digest lies beside the build, so that nothing has to be remembered: not after a pull,
// not after a change. bootstrap.js runs this before the server starts and before tests.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const from = `${root}packages/dashboard/`
const to = `${root}packages/spine/dist/dashboard/`
const mark = `${to}.sources`

const digest = digestOfSources()
if (digest !== builtFrom()) {
  const { build } = await import('vite')
  await build({ root: from, configFile: `${from}vite.config.ts`, logLevel: 'warn' })
  mkdirSync(to, { recursive: true })
  // Written last: a build that broke off is done again.
  writeFileSync(mark, digest)
}

/** Of what the page is made of: its own files, and the versions of what it is built with. */
function digestOfSources() {
  const hash = createHash('sha256')
  const names = ['index.html', 'vite.config.ts', 'package.json', ...below('src'), ...below('public')]
  for (const name of names.filter((file) => !file.endsWith('.test.ts'))) {
    hash.update(`${name}\n`).update(readFileSync(from + name))
  }
  return hash.update(readFileSync(`${root}package-lock.json`)).digest('hex')
}

/** @param {string} folder */
function below(folder) {
  return readdirSync(from + folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => statSync(from + name).isFile())
    .sort()
}

function builtFrom() {
  try {
    return readFileSync(mark, 'utf8')
  } catch {
    return undefined
  }
}
