/** What went wrong with a call, as the page shows it: what it could not do, the stable code, and what to do next. */

export class Failure extends Error {
  override name = 'Failure'
  readonly code: string
  readonly status: number | undefined
  readonly retryable: boolean
  readonly next: string

  constructor(detail: string, { code, status, retryable = false, next = '' }: FailureParts) {
    super(detail)
    this.code = code
    this.status = status
    this.retryable = retryable
    this.next = next
  }
}

type FailureParts = { code: string; status?: number; retryable?: boolean; next?: string }

/** Nothing answered: the server is down, or between this page and it something is. */
export const noConnection = () =>
  new Failure('The server did not answer.', { code: 'NO_CONNECTION', retryable: true, next: 'Is it running?' })

export const failureOf = (error: unknown): Failure =>
  error instanceof Failure ? error : new Failure(String((error as Error)?.message ?? error), { code: 'PAGE_FAILED' })

/** A problem document, or whatever came in its place. */
export async function failureIn(response: Response): Promise<Failure> {
  const { status } = response
  const problem = (await response.json().catch(() => ({}))) as Record<string, unknown>
  const { code = `HTTP_${status}`, detail, title = `The server answered ${status}.`, retryable, next = '' } = problem
  return new Failure(String(detail ?? title), {
    code: String(code),
    status,
    retryable: retryable === true,
    next: String(next),
  })
}
