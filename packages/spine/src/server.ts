/** The server: serves the contract of any Spine over HTTP. A Spine that is remote itself makes it a gateway. */

export { createServer, type ListenOptions, type ServerOptions, type SpineServer } from './http/create-server.ts'
export { type Key, parseKeys } from './http/keys.ts'
