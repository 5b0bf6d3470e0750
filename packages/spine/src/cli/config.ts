/**
 * Every setting of the program, once: its check, its flag, its SPINE_* variable, its default. A flag wins over a
 * variable, a variable over the default; an empty variable counts as not set.
 */

import { z } from 'zod'
import { name } from '../protocol/scalars.ts'
import { SECRET_POLICY, secretPolicy } from '../protocol/secrets.ts'
import { isWebhookSecret } from '../service/outbound/signature.ts'
import { refusedUrl } from '../service/outbound/webhook.ts'

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)

/** What `--store` takes. */
export const storeAddress = z
  .string()
  .regex(/^(sqlite:.+|postgres(ql)?:\/\/.+)$/, 'must be sqlite:PATH or postgres://...')

const configSchema = z.strictObject({
  host: z.string().min(1),
  port: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port, 0 to 65535')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port, 0 to 65535'),
  store: storeAddress,
  endpoint: z.url({ protocol: /^https?$/, error: 'must be a http:// or https:// address' }),
  api_key: z.string().min(1).optional(),
  api_keys: list,
  allowed_hosts: list,
  webhook_allow: list,
  alert_webhook: z.string().optional(),
  alert_webhook_secrets: list.refine(
    (secrets) => secrets.every(isWebhookSecret),
    'must be whsec_ and base64 of 24 to 64 bytes, several separated by commas',
  ),
  log_level: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
  secrets: secretPolicy,
  namespace: name.optional(),
  agent: name.optional(),
})
export type Config = z.output<typeof configSchema>
export type SettingName = keyof Config

export type Setting = {
  /** As commander writes it; without one the setting has a variable only. */
  flag?: string
  variable: string
  /** Text as a user would give it. */
  default?: string
  /** `client`: taken by every command; `server`: taken by `serve`. */
  scope: 'client' | 'server'
  what: string
}

export const settings: Readonly<Record<SettingName, Setting>> = Object.freeze({
  endpoint: {
    flag: '--endpoint <url>',
    variable: 'SPINE_ENDPOINT',
    default: 'http://127.0.0.1:8788',
    scope: 'client',
    what: 'the server to talk to',
  },
  api_key: {
    flag: '--api-key <key>',
    variable: 'SPINE_API_KEY',
    scope: 'client',
    what: 'the key to show to the server',
  },
  store: {
    flag: '--store <store>',
    variable: 'SPINE_STORE',
    default: 'sqlite:./data/spine.db',
    scope: 'client',
    what: 'the store: sqlite:PATH or postgres://...',
  },
  host: {
    flag: '--host <address>',
    variable: 'SPINE_HOST',
    default: '127.0.0.1',
    scope: 'server',
    what: 'the address to listen on',
  },
  port: {
    flag: '--port <number>',
    variable: 'SPINE_PORT',
    default: '8788',
    scope: 'server',
    what: 'the port to listen on, 0 for a free one',
  },
  log_level: {
    flag: '--log-level <level>',
    variable: 'SPINE_LOG_LEVEL',
    default: 'info',
    scope: 'server',
    what: 'silent, fatal, error, warn, info, debug or trace',
  },
  api_keys: {
    variable: 'SPINE_API_KEYS',
    default: '',
    scope: 'server',
    what: 'keys that are let in: name:namespace:sha256[:agent],...',
  },
  allowed_hosts: {
    variable: 'SPINE_ALLOWED_HOSTS',
    default: '',
    scope: 'server',
    what: 'Host names that are let in beside loopback',
  },
  secrets: {
    flag: '--secrets <policy>',
    variable: 'SPINE_SECRETS',
    default: SECRET_POLICY,
    scope: 'server',
    what: 'what happens to secrets in texts: off, flag, redact or refuse',
  },
  alert_webhook: {
    variable: 'SPINE_ALERT_WEBHOOK',
    scope: 'server',
    what: 'the address that is told of alerts',
  },
  alert_webhook_secrets: {
    variable: 'SPINE_ALERT_WEBHOOK_SECRETS',
    default: '',
    scope: 'server',
    what: 'what its messages are signed with: whsec_...,...',
  },
  webhook_allow: {
    variable: 'SPINE_WEBHOOK_ALLOW',
    default: '',
    scope: 'server',
    what: 'host:port that webhooks may reach though it is private or plain',
  },
  namespace: {
    flag: '--namespace <name>',
    variable: 'SPINE_NAMESPACE',
    scope: 'client',
    what: 'the namespace, where no key decides it',
  },
  agent: {
    flag: '--agent <name>',
    variable: 'SPINE_AGENT',
    scope: 'client',
    what: 'the agent in whose name memories are stored',
  },
})

export const settingNames = Object.keys(settings) as SettingName[]

/** Variables of ours that are read elsewhere, or by tests alone. */
const otherVariables: ReadonlySet<string> = new Set(['SPINE_FAILPOINT'])

export type Origin = 'flag' | 'variable' | 'default' | 'not set'

export type ConfigInForce = {
  values: Config
  origins: Readonly<Record<SettingName, Origin>>
  /** SPINE_* variables that nothing reads: most likely misspelt. */
  unknown_variables: readonly string[]
}

/** The call itself is wrong; the program ends with exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The key under which commander keeps a flag: `--api-key <key>` is `apiKey`. */
const flagKey = (setting: Setting): string | undefined =>
  setting.flag
    ?.split(' ')[0]
    ?.slice(2)
    .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** A flag that counts something. */
export function countOf(flag: string, value: unknown): number {
  const count = Number(value)
  if (Number.isSafeInteger(count) && count >= 1) return count
  throw new UsageError(`${flag}: must be a whole number of at least 1 (it is ${JSON.stringify(value)})`)
}

type Texts = Readonly<Record<string, unknown>>

/** Reads what is in force. `flags` are commander's options, `environment` is process.env. */
export function readConfig(flags: Texts, environment: Texts): ConfigInForce {
  const given: Partial<Record<SettingName, string>> = {}
  const origins = {} as Record<SettingName, Origin>
  for (const key of settingNames) {
    const setting = settings[key]
    const flag = flags[flagKey(setting) ?? '']
    const variable = environment[setting.variable]
    if (typeof flag === 'string') [given[key], origins[key]] = [flag, 'flag']
    else if (typeof variable === 'string' && variable !== '') [given[key], origins[key]] = [variable, 'variable']
    else {
      origins[key] = setting.default ? 'default' : 'not set'
      if (setting.default !== undefined) given[key] = setting.default
    }
  }
  if (origins.endpoint === 'flag' && origins.store === 'flag')
    throw new UsageError('Give --endpoint or --store, not both: one names a server, the other a file to open.')
  const parsed = configSchema.superRefine(checkWebhook).safeParse(given)
  if (!parsed.success)
    throw new UsageError(parsed.error.issues.map((issue) => complaint(issue, given, origins)).join('\n'))
  return { values: Object.freeze(parsed.data), origins, unknown_variables: unknownVariables(environment) }
}

function checkWebhook({ alert_webhook, webhook_allow }: z.output<typeof configSchema>, context: z.RefinementCtx): void {
  const refused = alert_webhook === undefined ? undefined : refusedUrl(alert_webhook, webhook_allow)
  if (refused !== undefined)
    context.addIssue({
      code: 'custom',
      path: ['alert_webhook'],
      message: `is refused: ${refused}. SPINE_WEBHOOK_ALLOW=host:port lets it through`,
    })
}

const secretSettings: ReadonlySet<SettingName> = new Set(['api_key', 'api_keys', 'alert_webhook_secrets'])

function complaint(
  issue: z.core.$ZodIssue,
  given: Partial<Record<SettingName, string>>,
  origins: Readonly<Record<SettingName, Origin>>,
): string {
  const key = String(issue.path[0]) as SettingName
  const setting = settings[key]
  const place = origins[key] === 'flag' ? (setting.flag?.split(' ')[0] ?? key) : setting.variable
  const shown = secretSettings.has(key) ? '' : ` (it is ${JSON.stringify(maskUrl(given[key] ?? ''))})`
  return `${place}: ${issue.message}${shown}`
}

function unknownVariables(environment: Texts): string[] {
  const known = new Set(settingNames.map((key) => settings[key].variable))
  return Object.keys(environment)
    .filter((key) => key.startsWith('SPINE_') && !known.has(key) && !otherVariables.has(key))
    .toSorted((a, b) => a.localeCompare(b))
}

/** A password inside an address is not for the eyes of everybody who sees the screen. */
const maskUrl = (text: string) => text.replace(/^(\w+:\/\/[^:@/\s]+):[^@/\s]*@/, '$1:***@')

/** A value as it may be shown: secrets are masked, of server keys only the names remain. */
export function shownValue(key: SettingName, value: Config[SettingName]): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '-'
  if (key === 'api_key' || key === 'alert_webhook_secrets') return '***'
  if (key === 'api_keys') return (value as string[]).map((entry) => `${entry.split(':')[0]}:***`).join(', ')
  if (Array.isArray(value)) return value.join(', ')
  return maskUrl(String(value))
}
