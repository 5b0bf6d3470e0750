/**
 * Finding secrets in a text: the preset of secretlint for the tokens of known services, and the rules of this house.
 * Nothing is loaded and nothing is looked for until a text has what some rule needs.
 */

import type { lintSource } from '@secretlint/core'
import { ownRules } from './own-rules.ts'

export type SecretSpan = { kind: string; start: number; end: number }

/**
 * Rules of the preset that do not run here. A text must not be able to switch the guard off by a comment; the others
 * mark the wrong characters (aws, npm), too many (connection strings, private keys) or a whole document (gcp), and our
 * own rules find what they find.
 */
export const unusedPresetRules: readonly string[] = Object.freeze(
  ['filter-comments', 'aws', 'npm', 'gcp', 'basicauth', 'database-connection-string', 'privatekey'].map(
    (rule) => `@secretlint/secretlint-rule-${rule}`,
  ),
)

/**
 * What a text must have, letter by letter, for a rule of the preset to find something in it. A test holds this table
 * against the preset: whoever lets another rule run adds its words.
 */
export const neededWords: Readonly<Record<string, readonly string[]>> = Object.freeze({
  '1password': ['ops_ey'],
  anthropic: ['sk-ant-api0'],
  cloudflare: ['cfk_', 'cfut_', 'cfat_'],
  databricks: ['dapi'],
  docker: ['dckr_pat_'],
  figma: ['figd_'],
  github: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
  gitlab: ['glpat-'],
  grafana: ['glc_', 'glsa_'],
  groq: ['gsk_'],
  'hashicorp-vault': ['hvs.', 'hvb.', 'hvr.'],
  huggingface: ['hf_'],
  linear: ['lin_api_'],
  notion: ['ntn_'],
  openai: ['T3BlbkFJ'],
  sendgrid: ['SG.'],
  shopify: ['shppa_', 'shpca_', 'shpat_', 'shpss_'],
  slack: ['xoxb-', 'xoxp-', 'xapp-', 'xoxa-', 'xoxo-', 'xoxr-', 'hooks.slack.com'],
  stripe: ['sk_live', 'sk_test', 'rk_live', 'rk_test'],
  tailscale: ['tskey-'],
  vercel: ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'],
})

const words = Object.values(neededWords).flat()
const escaped = (word: string) => word.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
const headsOf = (flags: string) => {
  const heads = ownRules.map(({ head }) => head).filter((head) => head.flags === flags)
  return new RegExp([...new Set(heads.map(({ source }) => source))].join('|'), flags)
}
const ownHeads = headsOf('')
const ownHeadsOfAnyCase = headsOf('i')

const forPreset = new RegExp(
  [
    ...words.map(escaped),
    // The one rule of the preset for which capitals do not count.
    '[hH][oO][oO][kK][sS]\\.[sS][lL][aA][cC][kK]',
  ].join('|'),
)

/** How those words begin, looked for from a sign that ordinary text seldom has: several times as fast. */
const beginnings = words.map((word) => escaped(/^.*?[_.-]/.exec(word)?.[0] ?? word))
const nearPreset = new RegExp(
  [
    `[_.-](?<=${[...new Set(beginnings.filter((text) => /[_.-]$/.test(text))), '[hH][oO][oO][kK][sS]\\.'].join('|')})`,
    ...beginnings.filter((text) => !/[_.-]$/.test(text)),
  ].join('|'),
)
const needsPreset = (text: string): boolean => nearPreset.test(text) && forPreset.test(text)

/** No rule finds anything in less: a password in the shortest address, `a://:abc@b`. */
const LEAST_CHARS = 10

/** False where no rule can find anything. Cheap: three passes, nothing is loaded. */
export const mayHoldSecret = (text: string): boolean =>
  text.length >= LEAST_CHARS && (ownHeads.test(text) || ownHeadsOfAnyCase.test(text) || needsPreset(text))

/** Characters that are scanned in one turn of the event loop, and by how many two neighbours overlap. */
const SLICE = 8_192
const OVERLAP = 2_048

/** The secrets of a text, in its order, not overlapping. */
export async function secretsIn(text: string): Promise<SecretSpan[]> {
  if (!mayHoldSecret(text)) return []
  const spans: SecretSpan[] = []
  for (let start = 0; ; start += SLICE - OVERLAP) {
    const slice = text.slice(start, start + SLICE)
    if (mayHoldSecret(slice)) {
      const found = [...ownSpans(slice), ...(needsPreset(slice) ? await presetSpans(slice) : [])]
      spans.push(...found.map((span) => ({ ...span, start: span.start + start, end: span.end + start })))
      // A short text has been looked through already.
      if (text.length > SLICE) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    if (start + SLICE >= text.length) break
  }
  // A key block is longer than an overlap: its rule sees the whole text.
  if (text.length > SLICE) spans.push(...ownSpans(text, 'private_key'))
  return merged(spans)
}

function ownSpans(text: string, only?: string): SecretSpan[] {
  return ownRules.flatMap(({ kind, pattern, isSecret }) =>
    only !== undefined && only !== kind
      ? []
      : [...text.matchAll(pattern)].flatMap((match) => {
          const value = match[1] ?? ''
          if (isSecret && !isSecret(value)) return []
          const start = match.index + match[0].lastIndexOf(value)
          return [{ kind, start, end: start + value.length }]
        }),
  )
}

let preset: Promise<(text: string) => ReturnType<typeof lintSource>> | undefined

async function loadPreset() {
  const [core, { rules }, { secretLintProfiler }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
    import('@secretlint/profiler'),
  ])
  // It would leave marks in the performance timeline of the process, a dozen for each text, for ever.
  secretLintProfiler.setEnabled(false)
  // One by one: within the preset a comment in the text would still switch them off.
  const running = rules.filter(({ meta }) => !unusedPresetRules.includes(meta.id))
  const config = { rules: running.map((rule) => ({ id: rule.meta.id, rule })) }
  return (content: string) =>
    core.lintSource({
      source: { filePath: 'text.txt', ext: '.txt', contentType: 'text', content },
      options: { noPhysicFilePath: true, config },
    })
}

async function presetSpans(text: string): Promise<SecretSpan[]> {
  preset ??= loadPreset()
  const { messages } = await (await preset)(text)
  return messages.map(({ ruleId, range: [start, end] }) => ({
    kind: ruleId.replace(/^@secretlint\/secretlint-rule-/, '').replaceAll('-', '_'),
    start,
    end,
  }))
}

/** Where two overlap, one span with the name of the first. */
function merged(spans: readonly SecretSpan[]): SecretSpan[] {
  const joined: SecretSpan[] = []
  for (const span of spans.toSorted((left, right) => left.start - right.start || right.end - left.end)) {
    const last = joined.at(-1)
    if (last && span.start < last.end) joined[joined.length - 1] = { ...last, end: Math.max(last.end, span.end) }
    else joined.push(span)
  }
  return joined
}
