/** The thread that owns one connection: carries out what it is told, one message after another, and answers each. */
import { parentPort, workerData } from 'node:worker_threads'
import { withBallast } from './ballast.ts'
import { withFailpoint } from './failpoint.ts'
import { openConnection, type Table } from './sqlite-connection.ts'
import { describeFailure } from './sqlite-failure.ts'
import type { ReadOutcome, ThreadOptions, ThreadOrder, ThreadReply } from './sqlite-thread.ts'

const options = workerData as ThreadOptions
const reply = (message: ThreadReply): void => parentPort?.postMessage(message)

function open() {
  const connection = openConnection(options)
  if (options.read_only) return connection
  return withBallast(withFailpoint(connection, process.env.SPINE_FAILPOINT), options.file, options.ballast)
}

/** Answers even a failure, so that no caller waits for ever. */
function answer(id: number, work: () => unknown): void {
  try {
    reply({ id, answer: work() })
  } catch (error) {
    reply({ id, failure: describeFailure(error) })
  }
}

function outcomeOf(read: () => Table): ReadOutcome {
  try {
    return { table: read() }
  } catch (error) {
    return { failure: describeFailure(error) }
  }
}

answer(0, () => {
  const connection = open()
  parentPort?.on('message', ({ id, order }: ThreadOrder) =>
    answer(id, () => {
      if ('commit' in order) return connection.commit(order.commit)
      if ('read' in order) return order.read.map((statement) => outcomeOf(() => connection.read(statement)))
      return connection.close()
    }),
  )
})
