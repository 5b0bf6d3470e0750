/** /openapi.json: OpenAPI 3.1 of exactly the routes of the contract. */

import { commonErrors } from '../protocol/contract.ts'
import { type ErrorCode, errorTable } from '../protocol/errors.ts'
import { exampleOf } from './examples.ts'
import { type DescribedOperation, describeContract, type JsonSchema } from './schemas.ts'

const problem: JsonSchema = {
  type: 'object',
  description: 'RFC 9457. What a code promises beside these members (issues, parts, path...) stands next to them.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { enum: Object.keys(errorTable) },
    retryable: { type: 'boolean', description: 'Whether the same call may succeed later.' },
    next: { type: 'string', description: 'What to do about it.' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'retryable', 'next'],
}

function problemsOf(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = Map.groupBy(new Set(codes), (code) => String(errorTable[code].status))
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `${code}: ${errorTable[code].title}.`).join('\n'),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  )
}

const namespaceParameter = {
  name: 'spine-namespace',
  in: 'header',
  required: false,
  description: 'Only for servers without keys; with keys, the key decides. Default: default.',
  schema: { type: 'string', maxLength: 128 },
}

function pathItem({ id, group, operation, parameters, body, output }: DescribedOperation): object {
  const example = exampleOf(id)
  const moved = new Set(parameters.map(({ member }) => member))
  const bodyExample = operation.document
    ? example[operation.document]
    : Object.fromEntries(Object.entries(example).filter(([member]) => !moved.has(member)))
  const { required: bodyRequired = [] } = body ?? {}
  const answer = {
    headers: {
      'spine-warnings': { description: 'A JSON array of texts.', schema: { type: 'string' } },
      'spine-request-id': { schema: { type: 'string' } },
    },
    content: { 'application/json': { schema: output } },
  }
  return {
    operationId: id,
    tags: [group],
    summary: operation.summary,
    parameters: [
      ...parameters.map(({ member, ...parameter }) => ({
        ...parameter,
        ...(example[member] !== undefined && { example: example[member] }),
      })),
      namespaceParameter,
    ],
    ...(body && {
      requestBody: {
        required: bodyRequired.length > 0 || !body.properties,
        content: { 'application/json': { schema: body, example: bodyExample } },
      },
    }),
    responses: {
      [operation.status ?? 200]: { description: 'Done.', ...answer },
      ...(operation.repeat_status && {
        [operation.repeat_status]: { description: 'It was there already.', ...answer },
      }),
      ...problemsOf([
        ...operation.errors,
        ...(operation.guarded ? (['SECRET_FOUND'] as const) : []),
        ...commonErrors,
        'REQUEST_TIMEOUT',
        'UNSUPPORTED_MEDIA_TYPE',
        'HOST_REFUSED',
        'ORIGIN_REFUSED',
      ]),
    },
  }
}

export function openApi(): object {
  const { operations, documents } = describeContract()
  const paths: Record<string, Record<string, object>> = {}
  for (const described of operations) {
    const path = described.operation.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [described.operation.method.toLowerCase()]: pathItem(described) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Memory Spine',
      version: '1',
      summary: 'Hand-overs between AI agents as sealed, budgeted, delivered envelopes.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    // The empty one: a server on loopback may have no keys.
    security: [{ key: [] }, {}],
    tags: [...new Set(operations.map(({ group }) => group))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key of SPINE_API_KEYS.' } },
      schemas: { ...documents, Problem: problem },
    },
  }
}
