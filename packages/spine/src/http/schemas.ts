/**
 * The schemas of the contract as JSON Schema, for /openapi.json and /docs: which member of an input travels where, and
 * the documents that answers are made of, by name.
 */

import { z } from 'zod'
import { agent } from '../protocol/agent.ts'
import { alert } from '../protocol/alert.ts'
import { publication } from '../protocol/channel.ts'
import { type Operation, operations } from '../protocol/contract.ts'
import { delivery } from '../protocol/delivery.ts'
import { envelope } from '../protocol/envelope.ts'
import { handoff } from '../protocol/handoff.ts'
import { healthFigures, healthThresholds } from '../protocol/health.ts'
import { memory } from '../protocol/memory.ts'
import { json } from '../protocol/scalars.ts'
import { task } from '../protocol/task.ts'
import { readsQuery } from './input.ts'

export type JsonSchema = {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  format?: string
  pattern?: unknown
  description?: string
  default?: unknown
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  additionalProperties?: boolean | JsonSchema
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
}

export type Parameter = {
  name: string
  member: string
  in: 'path' | 'query' | 'header'
  required: boolean
  schema: JsonSchema
}

export type DescribedOperation = {
  /** As `memories.store`. */
  id: string
  group: string
  operation: Operation
  parameters: readonly Parameter[]
  /** What the body has to be; undefined for operations that read none. */
  body: JsonSchema | undefined
  output: JsonSchema
}

type Named = Readonly<Record<string, z.ZodType>>

const documents: Named = {
  Json: json,
  Envelope: envelope,
  Memory: memory,
  Task: task,
  Agent: agent,
  Handoff: handoff,
  Delivery: delivery,
  Publication: publication,
  Alert: alert,
  HealthFigures: healthFigures,
  HealthThresholds: healthThresholds,
}
export const documentNames: readonly string[] = Object.keys(documents)

const refTo = (name: string) => `#/components/schemas/${name}`

/** Takes out what says nothing: bounds of the number type, the pattern of a format, the names of the pieces. */
function tidy(schema: JsonSchema & Record<string, unknown>): JsonSchema {
  const { $schema: _s, $id: _i, pattern, propertyNames: _n, ...kept } = schema
  if (pattern !== undefined && kept.format === undefined) kept.pattern = pattern
  if (kept.maximum === Number.MAX_SAFE_INTEGER) delete kept.maximum
  if (kept.minimum === Number.MIN_SAFE_INTEGER) delete kept.minimum
  const inner = (part: JsonSchema) => tidy(part as JsonSchema & Record<string, unknown>)
  if (kept.properties)
    kept.properties = Object.fromEntries(Object.entries(kept.properties).map(([name, part]) => [name, inner(part)]))
  if (kept.items) kept.items = inner(kept.items)
  if (kept.anyOf) kept.anyOf = kept.anyOf.map(inner)
  if (kept.oneOf) kept.oneOf = kept.oneOf.map(inner)
  if (typeof kept.additionalProperties === 'object') kept.additionalProperties = inner(kept.additionalProperties)
  return kept
}

function toJsonSchemas(named: Named, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(named)) if (!registry.has(schema)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, { io, unrepresentable: 'any', uri: refTo })
  const tidied = Object.entries(schemas).map(([id, schema]) => [
    id,
    tidy(schema as JsonSchema & Record<string, unknown>),
  ])
  return Object.fromEntries([
    ...tidied,
    // Two names of one schema: the second refers to the first.
    ...Object.entries(named).flatMap(([id, schema]) => {
      const known = registry.get(schema)?.id
      return known === undefined || known === id ? [] : [[id, { $ref: refTo(known) }]]
    }),
  ])
}

function membersOf(id: string, operation: Operation, input: JsonSchema, output: JsonSchema): DescribedOperation {
  const { path, headers = {}, document, idempotent } = operation
  const { properties = {}, required = [] } = input
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, member = '']) => member)
  const parameter = (member: string, place: Parameter['in'], name = member): Parameter => ({
    name,
    member,
    in: place,
    required: required.includes(member),
    schema: properties[member] ?? { type: 'string' },
  })
  const elsewhere = new Set([...inPath, ...Object.keys(headers)])
  const rest = Object.keys(properties).filter((member) => !elsewhere.has(member))
  const parameters = [
    ...inPath.map((member) => parameter(member, 'path')),
    ...Object.entries(headers).map(([member, header]) => parameter(member, 'header', header)),
    ...(idempotent
      ? [{ ...parameter('idempotency_key', 'header', 'idempotency-key'), schema: { type: 'string', maxLength: 128 } }]
      : []),
    ...(readsQuery(operation) ? rest.map((member) => parameter(member, 'query')) : []),
  ]
  return { id, group: id.split('.', 1)[0] ?? id, operation, parameters, body: bodyOf(), output }

  function bodyOf(): JsonSchema | undefined {
    if (readsQuery(operation)) return undefined
    if (document !== undefined) return { $ref: refTo('Envelope') }
    if (elsewhere.size === 0 || !input.properties) return input
    if (rest.length === 0) return undefined
    return {
      ...input,
      properties: Object.fromEntries(rest.map((member) => [member, properties[member] ?? {}])),
      required: required.filter((member) => rest.includes(member)),
    }
  }
}

export type Description = { operations: readonly DescribedOperation[]; documents: Readonly<Record<string, JsonSchema>> }

let description: Description | undefined

/** Made once, when somebody asks for it. */
export function describeContract(): Description {
  if (description) return description
  const entries = operations().map(({ group, name, operation }) => ({ id: `${group}.${name}`, operation }))
  const schemasOf = (member: 'input' | 'output') =>
    Object.fromEntries(entries.map(({ id, operation }) => [id, operation[member]]))
  const inputs = toJsonSchemas({ Json: json, ...schemasOf('input') }, 'input')
  const outputs = toJsonSchemas({ ...documents, ...schemasOf('output') }, 'output')
  description = Object.freeze({
    operations: entries.map(({ id, operation }) => membersOf(id, operation, inputs[id] ?? {}, outputs[id] ?? {})),
    documents: Object.fromEntries(documentNames.map((name) => [name, outputs[name] ?? {}])),
  })
  return description
}
