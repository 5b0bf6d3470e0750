// Builds what is published: packages/spine/dist and the dist of each adapter, and README.md and LICENSE beside them,
// because npm packs these two from the package's own folder only. npm runs this before packing; `npm run build` runs
// it by hand.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const spine = `${root}packages/spine`
const adapters = readdirSync(`${root}adapters`).map((name) => `${root}adapters/${name}`)

/** @param {string} folder */
function compile(folder) {
  const tsc = `${root}node_modules/typescript/bin/tsc`
  const result = spawnSync(process.execPath, [tsc, '-p', `${folder}/tsconfig.build.json`], { stdio: 'inherit' })
  if (result.status !== 0) {
    process.exit(1)
  }
}

// The web page in dist/dashboard has its own build; everything else here is ours, and stale files would be published.
for (const folder of [spine, ...adapters]) {
  for (const name of existsSync(`${folder}/dist`) ? readdirSync(`${folder}/dist`) : []) {
    if (name !== 'dashboard') {
      rmSync(`${folder}/dist/${name}`, { recursive: true })
    }
  }
}

// The adapters are compiled against what the spine has become.
for (const folder of [spine, ...adapters]) {
  compile(folder)
  copyFileSync(`${root}LICENSE`, `${folder}/LICENSE`)
}
copyFileSync(`${root}README.md`, `${spine}/README.md`)
