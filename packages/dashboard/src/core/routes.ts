/** Where the operations are that the page calls. A test holds this table against the contract. */

export const routes = Object.freeze({
  alerts: {
    acknowledge: 'POST /v1/alerts/:id/acknowledge',
    list: 'GET /v1/alerts',
    silence: 'POST /v1/alerts/:id/silence',
  },
  agents: { list: 'GET /v1/agents', reset_breaker: 'POST /v1/agents/:name/breaker/reset' },
  deliveries: { get: 'GET /v1/deliveries/:id', list: 'GET /v1/deliveries', send: 'POST /v1/deliveries' },
  handoffs: {
    diff: 'GET /v1/handoffs/:a/diff/:b',
    get: 'GET /v1/handoffs/:id',
    lineage: 'GET /v1/handoffs/:id/lineage',
    list: 'GET /v1/handoffs',
    preview: 'POST /v1/handoffs/preview',
    status: 'GET /v1/handoffs/:id/status',
  },
  health: { report: 'GET /v1/health/report' },
  memories: {
    get: 'GET /v1/memories/:id',
    list: 'GET /v1/memories',
    pin: 'POST /v1/memories/:id/pin',
    search: 'POST /v1/memories/search',
    unpin: 'POST /v1/memories/:id/unpin',
  },
  parked: { discard: 'POST /v1/parked/discard', list: 'GET /v1/parked', redrive: 'POST /v1/parked/redrive' },
} as const)
