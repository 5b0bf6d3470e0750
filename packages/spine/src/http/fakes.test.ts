/** What the tests of the server share: a spine of answers that checks its input, and requests as they are sent. */

import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect as connectSocket } from 'node:net'
import type { TestContext } from 'node:test'
import { contract, type Operation, operations } from '../protocol/contract.ts'
import { type Problem, SpineError } from '../protocol/errors.ts'
import { checkValue } from '../protocol/scan.ts'
import { type CallOptions, operationsOf, type Spine } from '../protocol/spine.ts'
import { issuesOf } from '../protocol/versions.ts'
import { createServer, type ServerOptions, type SpineServer } from './create-server.ts'
import { exampleOf } from './examples.ts'

// biome-ignore lint/suspicious/noExplicitAny: the tests name the members that they look at.
export type Loose = any
export type SpineCall = { name: string; input: Loose; options: CallOptions }
export type Answers = Readonly<Record<string, (input: Loose, options: CallOptions) => unknown>>

export type FakeSpine = { spine: Spine; calls: SpineCall[] }

/** Checks what it is given as the service does, and answers `{ ok: true }` where no answer is given. */
export function fakeSpine(answers: Answers = {}): FakeSpine {
  const calls: SpineCall[] = []
  const call = async (group: string, member: string, operation: Operation, input: unknown, options: CallOptions) => {
    checkValue(input)
    const parsed = operation.input.safeParse(input)
    if (!parsed.success)
      throw new SpineError('INVALID_INPUT', 'The input does not fit.', { issues: issuesOf(parsed.error) })
    const name = `${group}.${member}`
    calls.push({ name, input, options })
    const answer = answers[name]
    if (answer) return answer(input, options)
    return name === 'deliveries.receive' ? { deliveries: [] } : { ok: true }
  }
  return { spine: { ...operationsOf(contract, call), close: async () => {} }, calls }
}

export type Running = FakeSpine & { server: SpineServer; endpoint: string; log: string[] }

/** A server on a free port, closed with the test. */
export async function serve(
  t: TestContext,
  answers: Answers = {},
  options: Partial<ServerOptions> = {},
): Promise<Running> {
  const fake = fakeSpine(answers)
  const log: string[] = []
  const log_destination = { write: (line: string) => void log.push(line) }
  const server = createServer({ spine: fake.spine, log_destination, ...options })
  const endpoint = await server.listen()
  t.after(() => server.close())
  return { ...fake, server, endpoint, log }
}

export type Sent = { method?: string; headers?: Record<string, string>; body?: string | Uint8Array }
export type Answered = { status: number; headers: IncomingHttpHeaders; bytes: Buffer; json: Loose }

/** A request with exactly these headers (fetch would not send a Host of our choice), on a connection of its own. */
export async function send(
  endpoint: string,
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<Answered> {
  const { hostname, port } = new URL(endpoint)
  const agent = new Agent()
  const request = httpRequest({ agent, hostname, port, path, method, headers })
  // What is still being sent when the answer is there may fail.
  request.on('error', () => {})
  const answered = new Promise<Answered>((resolve, reject) => {
    request.once('error', reject)
    request.once('response', async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      const bytes = Buffer.concat(chunks)
      const isJson = bytes.length > 0 && /json/.test(response.headers['content-type'] ?? '')
      const json = isJson ? JSON.parse(bytes.toString()) : undefined
      resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, json })
    })
  })
  request.end(body)
  return answered.finally(() => agent.destroy())
}

export const post = (endpoint: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  send(endpoint, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })

/** Sends bytes as they are and collects what comes back until the server ends the connection. */
export async function exchange(endpoint: string, text: string): Promise<string> {
  const { hostname, port } = new URL(endpoint)
  const socket = connectSocket(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(text)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

export type Example = { id: string; path: string; sent: Sent; operation: Operation }

/** A good request for every operation of the contract. */
export function exampleRequests(): Example[] {
  return operations().map(({ group, name, operation }) => {
    const members = exampleOf(`${group}.${name}`)
    const inPath = new Set([...operation.path.matchAll(/:(\w+)/g)].map(([, member]) => member))
    const rest = Object.entries(members).filter(([member]) => !inPath.has(member) && !operation.headers?.[member])
    const path = operation.path.replace(/:(\w+)/g, (_, member: string) => encodeURIComponent(String(members[member])))
    const { method } = operation
    if (method === 'GET' || method === 'DELETE') {
      const query = new URLSearchParams(rest.map(([member, value]) => [member, String(value)])).toString()
      return { id: `${group}.${name}`, path: query ? `${path}?${query}` : path, sent: { method }, operation }
    }
    const value = operation.document ? members[operation.document] : Object.fromEntries(rest)
    const sent = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
    return { id: `${group}.${name}`, path, sent, operation }
  })
}

/** A promise and its ends, with a name for what happened. */
export const gate = <T = void>() => Promise.withResolvers<T>()

export const codeOf = ({ json }: Answered) => (json as Problem | undefined)?.code
