/** The program as people type it, and what it said. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The environment without what belongs to whoever runs the tests. */
export const quietEnv: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([key, value]) =>
    value === undefined || /^(?:SPINE_|npm_lifecycle|NODE_TEST)/.test(key) ? [] : [[key, value]],
  ),
)

export const programFile = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

/** No code: it was ended by a signal. */
export type Ended = { code: number | null; stdout: string; stderr: string }

/** Runs commands over one SQLite file, each to its end. */
export const commandsOver =
  (file: string, { cwd }: { cwd: string }) =>
  (...args: string[]) =>
    new Promise<Ended>((resolve) => {
      const given = [programFile, '--store', `sqlite:${file}`, ...args]
      const child = execFile(process.execPath, given, { cwd, env: quietEnv }, (_, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
      )
    })

/** What a command with `--json` answered: its last line. */
export const answerOf = ({ stdout }: Ended) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
