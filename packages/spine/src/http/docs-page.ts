/** /docs: one page for people, made from the contract: a walk with curl alone, every operation, every error. */

import { createHash } from 'node:crypto'
import { type ErrorCode, errorTable } from '../protocol/errors.ts'
import { type CurlTarget, curlLines, curlOf } from './curl.ts'
import { docsStyle } from './docs-style.ts'
import { type DescribedOperation, describeContract, documentNames, type JsonSchema } from './schemas.ts'

/** The page may show its own style and nothing else. */
export const docsPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(docsStyle).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => escapes[char] ?? char)
const code = (text: string) => `<code>${escaped(text)}</code>`
const block = (text: string) => `<pre><code>${escaped(text)}</code></pre>`
const anchorOf = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, '-')

function range({ minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + 1)
  if (least !== undefined && maximum !== undefined) return ` ${least} to ${maximum}`
  if (least !== undefined) return ` from ${least}`
  return maximum === undefined ? '' : ` to ${maximum}`
}

/** A type in words, as HTML. */
function typeOf(schema: JsonSchema): string {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return `<a href="#${anchorOf(name)}">${escaped(name)}</a>`
  }
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(' | ')
  if (schema.const !== undefined) return code(String(schema.const))
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ')
  if (schema.format === 'date-time') return 'time'
  if (Array.isArray(schema.type)) return schema.type.map(escaped).join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  if (schema.type === 'object' && !schema.properties) return 'map'
  if (schema.type === 'object')
    return `{ ${Object.keys(schema.properties ?? {})
      .map(escaped)
      .join(', ')} }`
  return `${escaped(schema.type ?? 'anything')}${range(schema)}`
}

type Field = { name: string; where?: string; required: boolean; schema: JsonSchema }

function fieldsTable(fields: readonly Field[]): string {
  if (fields.length === 0) return ''
  const placed = fields.some(({ where }) => where)
  const rows = fields.map(({ name, where, required, schema }) => {
    const default_text = schema.default === undefined ? '' : `default ${code(JSON.stringify(schema.default))}`
    return `<tr><td>${code(name)}</td>${placed ? `<td>${where ?? ''}</td>` : ''}<td>${typeOf(schema)}</td><td>${required ? 'required' : default_text}</td></tr>`
  })
  return `<div class="scroll"><table><tr><th>Field</th>${placed ? '<th>In</th>' : ''}<th>Type</th><th></th></tr>${rows.join('')}</table></div>`
}

const membersOf = ({ properties = {}, required = [] }: JsonSchema, where?: string): Field[] =>
  Object.entries(properties).map(([name, schema]) => ({
    name,
    schema,
    required: required.includes(name),
    ...(where && { where }),
  }))

function bodyFields(body: JsonSchema | undefined): { fields: Field[]; note: string } {
  if (!body) return { fields: [], note: '' }
  if (body.$ref) return { fields: [], note: `<p>The body is one ${typeOf(body)}, kept byte for byte.</p>` }
  const [first, ...more] = body.anyOf ?? []
  if (!first) return { fields: membersOf(body, 'body'), note: '' }
  // Of several forms the last one is the one with most to say; the others are named.
  const shown = more.at(-1) ?? first
  const others = [first, ...more].filter((form) => form !== shown).map(typeOf)
  return { fields: membersOf(shown, 'body'), note: others.length > 0 ? `<p>Or: ${others.join(', or ')}.</p>` : '' }
}

const errorLink = (error: string) => `<a href="#${anchorOf(error)}">${code(error)}</a>`

function operationPart(described: DescribedOperation, target: CurlTarget): string {
  const { id, operation, parameters, body, output } = described
  const placed = parameters.map(({ name, in: where, required, schema }) => ({ name, where, required, schema }))
  const { fields, note } = bodyFields(body)
  const errors = operation.errors.map(errorLink)
  return `<h3 id="${anchorOf(id)}">${escaped(id)}</h3>
<p class="route"><b>${operation.method}</b> ${code(operation.path)} &rarr; ${operation.status ?? 200} ${output.$ref ? typeOf(output) : ''}</p>
<p>${escaped(operation.summary)}</p>
${fieldsTable([...placed, ...fields])}${note}
${output.$ref ? '' : `<p>Answers ${typeOf(output)}.</p>`}
${errors.length > 0 ? `<p class="errors">Errors of its own: ${errors.join(', ')}</p>` : ''}
${block(curlOf(described, target))}`
}

function push(target: CurlTarget): string {
  const profile = `'{"push_url":"https://coder.example.com/deliveries","push_secrets":["whsec_'"$(openssl rand -base64 32)"'"]}'`
  return `<p>An agent with an address need not fetch. Each delivery is posted to it, leased, with the headers of Standard Webhooks: <code>data</code> has the <code>id</code>, the <code>lease_token</code>, the <code>envelope</code> and its <code>text</code>.</p>
${block(curlLines(target, 'PUT', '/v1/agents/coder', [], `-d ${profile}`))}
<ul>
<li>Answer any 2xx within 30 s to accept; the lease then runs for <code>accept_lease_ms</code>, 15 minutes unless the profile says otherwise. Complete it later with its <code>lease_token</code>.</li>
<li>Answer <code>{"state": "completed", "output": ...}</code> to complete it at once.</li>
<li>400, 409, 413, 415 and 422 park it; 410 ends the pushing; every other answer, and none, is a failed attempt, with backoff and breaker as for all receivers.</li>
<li>The same <code>webhook-id</code> is the same delivery: make its effect once.</li>
</ul>`
}

function walk(target: CurlTarget): string {
  const call = (path: string, body: string) => block(curlLines(target, 'POST', path, [], `-d ${body}`))
  return `<p>Five calls, with curl alone. The answers of the second and the fourth have what the next ones need: put it into the variables.</p>
<ol>
<li>Store a memory. Pinned, it goes into every envelope.${call('/v1/memories', `'{"content":"The deploy window is Tuesday 06:00 UTC.","author":"planner","pinned":true}'`)}</li>
<li>Seal a handoff from <em>planner</em> to <em>coder</em>. The answer is the envelope; its <code>id</code> is needed next.${call('/v1/handoffs', `'{"source_agent":"planner","target_agent":"coder","task_summary":"Add a retry to the nightly export.","intent":"Make the nightly export retry on its own."}'`)}${block('ENVELOPE_ID=...   # "id" of the answer')}</li>
<li>Send it.${call('/v1/deliveries', `'{"envelope_id":"'"$ENVELOPE_ID"'"}'`)}</li>
<li>Receive it, as <em>coder</em>. The delivery is leased to you; its <code>id</code> and <code>lease_token</code> are needed next.${call('/v1/agents/coder/receive', `'{"wait_ms":1000}'`)}${block('DELIVERY_ID=...   # "id" of the delivery\nLEASE_TOKEN=...   # its "lease_token"')}</li>
<li>Complete it, with what came out.${call('/v1/deliveries/$DELIVERY_ID/complete', `'{"lease_token":"'"$LEASE_TOKEN"'","output":{"pull_request":42}}'`)}</li>
</ol>`
}

function errorRows(): string {
  const rows = Object.keys(errorTable).map((key) => {
    const { status, retryable, title, next } = errorTable[key as ErrorCode]
    return `<tr id="${anchorOf(key)}"><td>${code(key)}</td><td>${status}</td><td>${retryable ? 'yes' : 'no'}</td><td>${escaped(title)}. ${escaped(next)}</td></tr>`
  })
  return `<div class="scroll"><table><tr><th>Code</th><th>Status</th><th>Try again</th><th>Meaning, and what to do</th></tr>${rows.join('')}</table></div>`
}

export function docsPage(target: CurlTarget): string {
  const { operations, documents } = describeContract()
  const groups = [...Map.groupBy(operations, ({ group }) => group)]
  const list = (ids: readonly string[]) =>
    `<ul>${ids.map((id) => `<li><a href="#${anchorOf(id)}">${escaped(id)}</a></li>`).join('')}</ul>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Memory Spine: the interface</title>
<style>${docsStyle}</style>
</head>
<body>
<div class="page">
<nav>
<ul><li><a href="#walk">A walk with curl</a></li><li><a href="#push">Deliveries by webhook</a></li><li><a href="#rules">Rules for all calls</a></li></ul>
${groups.map(([group, members]) => `<strong>${escaped(group)}</strong>${list(members.map(({ id }) => id))}`).join('\n')}
<ul><li><a href="#documents">Documents</a></li><li><a href="#errors">Errors</a></li><li><a href="/openapi.json">openapi.json</a></li></ul>
</nav>
<main>
<h1>Memory Spine</h1>
<p>Hand-overs between AI agents as sealed, budgeted, delivered envelopes. This server is at ${code(target.endpoint)}.</p>
<h2 id="walk">A walk with curl</h2>
${walk(target)}
<h2 id="push">Deliveries by webhook</h2>
${push(target)}
<h2 id="rules">Rules for all calls</h2>
<ul>
<li>Bodies are JSON in UTF-8 with <code>Content-Type: application/json</code>, at most 1 MiB. Envelopes come back as the exact bytes they were sealed as.</li>
<li>${target.needs_key ? 'This server wants <code>Authorization: Bearer</code> with one of its keys; the key decides the namespace.' : 'This server has no keys; <code>Spine-Namespace</code> chooses a namespace, without it <code>default</code>.'}</li>
<li>Calls that create something take <code>Idempotency-Key</code>: a repeat with the same key and body answers as the first one did.</li>
<li>What an answer wants you to know beside its body stands in <code>Spine-Warnings</code>, a JSON array of texts.</li>
<li>The ids in the examples below (<code>ms-1</code>, <code>env-01</code>, <code>dlv-01</code>, <code>alr-01</code>, <code>LEASE_TOKEN</code>...) are placeholders: put those of your own answers there. As they stand most calls answer 404.</li>
<li>Errors are problem documents (RFC 9457). Match on <code>code</code>, look at <code>retryable</code>, show <code>next</code>.</li>
</ul>
${groups.map(([group, members]) => `<h2 id="on-${anchorOf(group)}">${escaped(group)}</h2>\n${members.map((described) => operationPart(described, target)).join('\n')}`).join('\n')}
<h2 id="documents">Documents</h2>
<p>What answers are made of. A newer server may add fields: keep what you do not know.</p>
${documentNames.map((name) => `<h3 id="${anchorOf(name)}">${escaped(name)}</h3>\n${fieldsTable(membersOf(documents[name] ?? {})) || '<p>Any JSON value.</p>'}`).join('\n')}
<h2 id="errors">Errors</h2>
${errorRows()}
</main>
</div>
</body>
</html>
`
}
