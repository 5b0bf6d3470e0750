/** The tools of memory: store, find, read, pin. */

import { z } from 'zod'
import { memoryInput } from '../protocol/memory.ts'
import { id, name, text } from '../protocol/scalars.ts'
import { tool } from './tool.ts'

const { content, title, kind, tags, priority, pinned, task_id } = memoryInput.shape

const memory = z.looseObject({
  id,
  version: z.int(),
  content: z.string(),
  kind: z.string(),
  tokens: z.int(),
  pinned: z.boolean(),
})
type Full = z.infer<typeof memory>

/** What a model reads of a memory. */
const shown = ({ id: memory_id, version, content: words, kind: sort, tokens, pinned: is_pinned, ...others }: Full) => ({
  id: memory_id,
  version,
  content: words,
  kind: sort,
  tokens,
  pinned: is_pinned,
  ...('title' in others ? { title: others.title } : {}),
  ...('author' in others ? { author: others.author } : {}),
})

const inWords = ({ id: memory_id, version, content: words }: Full) => `[${memory_id} v${version}] ${words}`

const store = tool({
  title: 'Remember something',
  description:
    'Stores a fact, decision or result so that later agents can be given it. Write it so that it can be read alone: what, why, exact names and numbers. Answers the id by which handoffs refer to it.',
  input: z.object({
    content: content.describe('The text to remember.'),
    id: id.optional().describe('Only to make a new version of a memory you know.'),
    title,
    kind,
    tags,
    priority,
    pinned: pinned.describe('Put it into every envelope of its task, or of all tasks when it has none.'),
    task_id,
    agent: name.optional().describe('Your own agent name. Only where the session has none.'),
  }),
  output: memory,
  async run(session, { agent, ...given }) {
    const author = session.agent ?? agent
    const call = { ...given, ...(author === undefined ? {} : { author }) }
    const { memories } = await session.spine.memories.store(call, session.options)
    return shown(memories[0] as Full)
  },
})

const search = tool({
  title: 'Search what is remembered',
  description: 'Finds the memories that matter for a question, best first. Name people, files, ids and dates exactly.',
  input: z.object({
    query: text.min(1),
    limit: z.int().min(1).max(50).default(10),
    max_tokens: z.int().positive().optional().describe('At most so many tokens of memories.'),
    task_id: id.optional().describe('Only of this task.'),
  }),
  output: z.object({ memories: z.array(memory) }),
  reads: true,
  async run({ spine, options }, { task_id: task, ...query }) {
    const filters = task === undefined ? {} : { filters: { task_id: task } }
    const found = await spine.memories.search({ ...query, ...filters }, options)
    return { memories: found.memories.map((one) => shown(one as Full)) }
  },
  text: ({ memories }) => (memories.length === 0 ? 'Nothing was found.' : memories.map(inWords).join('\n\n')),
})

const get = tool({
  title: 'Read a memory',
  description: 'Reads a memory by its id, whole; or an older version of it.',
  input: z.object({ id, version: z.int().positive().optional() }),
  output: memory,
  reads: true,
  run: async ({ spine, options }, input) => shown((await spine.memories.get(input, options)) as Full),
  text: inWords,
})

const pin = tool({
  title: 'Pin a memory',
  description: 'Pins a memory, so that it goes into every envelope of its task; or takes the pin away.',
  input: z.object({ id, pinned: z.boolean().default(true) }),
  output: memory,
  repeatable: true,
  run: async ({ spine, options }, { id: which, pinned: pins }) =>
    shown((await (pins ? spine.memories.pin : spine.memories.unpin)({ id: which }, options)) as Full),
})

export const memoryTools = Object.freeze({
  memory_store: store,
  memory_search: search,
  memory_get: get,
  memory_pin: pin,
})
