/** `memory-spine config`: what is in force, and where each value came from. Secrets are masked. */

import { type ConfigInForce, settingNames, settings, shownValue } from './config.ts'
import { type Output, table } from './output.ts'

export function showConfig(config: ConfigInForce, output: Output): number {
  const rows = settingNames.map((key) => {
    const { flag, variable } = settings[key]
    const origin = config.origins[key]
    const from = origin === 'flag' ? `flag ${flag?.split(' ')[0]}` : origin
    return { key, value: shownValue(key, config.values[key]), from, flag: flag?.split(' ')[0] ?? '-', variable }
  })
  output.say(
    table(
      ['setting', 'value', 'from', 'flag', 'variable'],
      rows.map((row) => [row.key, row.value, row.from, row.flag, row.variable]),
    ),
  )
  for (const variable of config.unknown_variables)
    output.progress(`${variable} is set, but nothing reads it. Is it misspelt?`)
  output.answer({
    settings: Object.fromEntries(
      rows.map(({ key, value, from }) => [key, { value: value === '-' ? null : value, from }]),
    ),
    unknown_variables: config.unknown_variables,
  })
  return 0
}
