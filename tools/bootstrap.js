// Runs before `npm start`, `npm test` and `npm run check`: installs the locked packages when, and only when,
// what is installed differs from package-lock.json. There is no stamp file: npm's own record of its last finished
// install is compared, so a hand-run `npm ci` counts, and an install that was interrupted is done again. Then builds the
// web page, if its sources have changed (packages/dashboard/build.js).
//
//   node tools/bootstrap.js start   what the server needs
//   node tools/bootstrap.js full    what tests and checks need, too
//
// Plain JavaScript without dependencies: on a fresh clone it runs on whatever Node the machine has (20 or newer).

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const wanted = process.argv[2]
if (wanted !== 'start' && wanted !== 'full') {
  fail('usage: node tools/bootstrap.js start|full')
}

const installed = readPackages('node_modules/.package-lock.json')
const reason = whyInstall()
if (reason) {
  // A full install stays full, so that going from tests to the server and back installs nothing twice.
  const full = wanted === 'full' || existsSync(`${root}node_modules/typescript`)
  console.error(`bootstrap: installing ${full ? 'all packages' : 'the packages the server needs'}, because ${reason}`)
  install(full ? [] : ['--omit=dev', '--omit=peer'])
}
buildDashboard()

/** @returns {string | undefined} the reason to install, or undefined when everything wanted is there */
function whyInstall() {
  if (!installed) {
    return 'no finished install was found'
  }
  for (const [path, entry] of Object.entries(readPackages('package-lock.json') ?? {})) {
    if (path === '' || !isWanted(entry)) {
      continue
    }
    const found = installed[path]
    if (!found) {
      return `${path} is missing`
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return `${path} is ${found.version}, not the locked ${entry.version}`
    }
  }
  return undefined
}

/** @param {LockEntry} entry */
function isWanted(entry) {
  if (wanted === 'start' && (entry.dev || entry.peer || entry.devOptional)) {
    return false
  }
  if (!matches(entry.os, process.platform) || !matches(entry.cpu, process.arch)) {
    return false
  }
  // npm may leave out an optional package; one that names this system is expected, unless the C library decides.
  return !entry.optional || (entry.os !== undefined && entry.libc === undefined)
}

/**
 * @param {string | string[] | undefined} names as in a package's `os` and `cpu`: 'linux', or '!win32'
 * @param {string} name
 */
function matches(names, name) {
  const list = names === undefined ? [] : [names].flat()
  const allowed = list.filter((item) => !item.startsWith('!'))
  return !list.includes(`!${name}`) && (allowed.length === 0 || allowed.includes(name))
}

/** @param {string[]} flags */
function install(flags) {
  // npm runs on its own Node here: the one in node_modules/.bin may be about to be replaced.
  const { npm_node_execpath: node, npm_execpath: npm } = process.env
  const [command, ...args] = node && npm ? [node, npm, 'ci', ...flags] : ['npm', 'ci', ...flags]
  // An engine warning says that this npm runs on an older Node than the project will; it helps nobody here.
  const result = spawnSync(command, [...args, '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: command === 'npm' && process.platform === 'win32',
  })
  if (result.status !== 0) {
    fail(`npm ci failed (${result.error?.message ?? result.signal ?? `exit ${result.status}`}); see above`)
  }
}

function buildDashboard() {
  const own = `${root}node_modules/.bin/node`
  const node = existsSync(own) ? own : process.execPath
  const result = spawnSync(node, [`${root}packages/dashboard/build.js`], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (result.status !== 0) {
    fail('the dashboard could not be built; see above')
  }
}

/**
 * @typedef {{ version?: string, integrity?: string, dev?: boolean, peer?: boolean, devOptional?: boolean,
 *   optional?: boolean, os?: string | string[], cpu?: string | string[], libc?: string[] }} LockEntry
 * @param {string} file
 * @returns {Record<string, LockEntry> | undefined}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(root + file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** @param {string} text @returns {never} */
function fail(text) {
  console.error(`bootstrap: ${text}`)
  process.exit(1)
}
