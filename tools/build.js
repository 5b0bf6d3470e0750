// Builds what is published: packages/spine/dist, and README.md and LICENSE beside it, because npm packs these two from
// the package's own folder only. npm runs this before packing; `npm run build` runs it by hand.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const spine = `${root}packages/spine`

// The web page in dist/dashboard has its own build; everything else here is ours, and stale files would be published.
for (const name of existsSync(`${spine}/dist`) ? readdirSync(`${spine}/dist`) : []) {
  if (name !== 'dashboard') {
    rmSync(`${spine}/dist/${name}`, { recursive: true })
  }
}

const result = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-p', `${spine}/tsconfig.build.json`],
  { stdio: 'inherit' },
)
if (result.status !== 0) {
  process.exit(1)
}

for (const name of ['README.md', 'LICENSE']) {
  if (existsSync(root + name)) {
    copyFileSync(root + name, `${spine}/${name}`)
  }
}
