// What `npm install memory-spine` brings: the packed manifest, and everything behind it as the lock file has it.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'

const root = fileURLToPath(new URL('../../../', import.meta.url))

type Needs = Readonly<Record<string, string>>
type Manifest = {
  name?: string
  dependencies?: Needs
  optionalDependencies?: Needs
  peerDependencies?: Needs
  peerDependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>
  bundleDependencies?: unknown
  scripts?: Readonly<Record<string, string>>
}
type Lock = { packages: Readonly<Record<string, Manifest>> }

const lock: Lock = JSON.parse(await readFile(`${root}package-lock.json`, 'utf8'))

/** package.json as it stands in the tarball. Nothing is built for it. */
async function packed(): Promise<Manifest> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  try {
    const args = ['pack', '--ignore-scripts', '--pack-destination', folder, '--workspace', 'memory-spine']
    await promisify(execFile)('npm', args, { cwd: root, shell: process.platform === 'win32' })
    const [file = ''] = await readdir(folder)
    return manifestIn(gunzipSync(await readFile(join(folder, file))))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A tar is headers of 512 bytes, each with name and octal size, and contents in blocks of 512. */
function manifestIn(tar: Buffer): Manifest {
  for (let at = 0; at < tar.length; ) {
    const text = (from: number, to: number) => tar.toString('utf8', at + from, at + to).replace(/\0.*$/s, '')
    const size = Number.parseInt(text(124, 136), 8) || 0
    if (text(0, 100) === 'package/package.json') return JSON.parse(tar.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return assert.fail('the tarball has no package.json')
}

/** What npm installs for a package: dependencies, and peers that are not optional. */
const neededBy = ({
  dependencies,
  optionalDependencies,
  peerDependencies = {},
  peerDependenciesMeta = {},
}: Manifest) => [
  ...Object.keys({ ...dependencies, ...optionalDependencies }),
  ...Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional),
]

/** Where Node finds a package from `path`: beside it, or in a folder above. */
function placeOf(name: string, path: string): string {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = `${at}${at === '' ? '' : '/'}node_modules/${name}`
    if (lock.packages[place]) return place
    if (at === '') return assert.fail(`${name} is not in the lock file`)
  }
}

/** The places in the lock file of all that a package brings. */
function broughtBy(manifest: Manifest, from = ''): Set<string> {
  const places = new Set(neededBy(manifest).map((name) => placeOf(name, from)))
  for (const place of places) for (const name of neededBy(lock.packages[place] ?? {})) places.add(placeOf(name, place))
  return places
}

const nameOf = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)

test('memory-spine alone brings none of the frameworks, nor what only they need', async () => {
  const manifest = await packed()
  assert.equal(manifest.name, 'memory-spine')
  assert.equal(manifest.bundleDependencies, undefined)
  for (const script of ['preinstall', 'install', 'postinstall']) assert.equal(manifest.scripts?.[script], undefined)
  const brought = new Set([...broughtBy(manifest)].map(nameOf))

  for (const adapter of await readdir(`${root}adapters`)) {
    const { peerDependencies = {} } = JSON.parse(await readFile(`${root}adapters/${adapter}/package.json`, 'utf8'))
    const frameworks = Object.keys(peerDependencies).filter((name) => name !== 'memory-spine' && name !== 'zod')
    assert.notEqual(frameworks.length, 0, adapter)
    for (const framework of frameworks) {
      assert.ok(broughtBy({ dependencies: { [framework]: '*' } }).size > 0, framework)
      assert.ok(!brought.has(framework), `${framework} comes along`)
    }
  }
  const foreign = [...brought].filter((name) => /^(@openai|@langchain|@ai-sdk|@a2a-js|@vercel)\//.test(name))
  assert.deepEqual(foreign, [])
  // Adding one is a decision: raise this on purpose.
  assert.ok(brought.size <= 70, `${brought.size} packages come along`)
})

test('an adapter brings neither its framework nor the spine: both are the peers of who installs it', async () => {
  for (const adapter of await readdir(`${root}adapters`)) {
    const manifest: Manifest = JSON.parse(await readFile(`${root}adapters/${adapter}/package.json`, 'utf8'))
    // The spine has zod, too.
    assert.deepEqual(
      Object.keys(manifest.dependencies ?? {}).filter((name) => name !== 'zod'),
      [],
      adapter,
    )
    assert.ok(manifest.peerDependencies?.['memory-spine'], adapter)
  }
})
