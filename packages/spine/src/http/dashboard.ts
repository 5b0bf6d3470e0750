/**
 * The web page at `/`: the files that the dashboard's build left behind, read once when the server is made. Each has a
 * route of its own, so that no path can lead anywhere else. Without a build, `/` leads to /docs.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

/** The same place from the sources and from what is published. */
const built = new URL('../../dist/dashboard/', import.meta.url)

/** The page may load its own files and call its own server. It makes no markup from text, and nothing may frame it. */
export const dashboardPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

type File = { path: string; type: string; bytes: Buffer; zipped: Buffer; lasting: boolean }

/** The files of a folder by their path on the server; none when there is no such folder. */
function readFiles(folder: URL): File[] {
  const names = (() => {
    try {
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })()
  return names.flatMap((name) => {
    const type = types[extname(name)]
    if (type === undefined) return []
    const bytes = readFileSync(new URL(name.replaceAll('\\', '/'), folder))
    return {
      path: name === 'index.html' ? '/' : `/${name.replaceAll('\\', '/')}`,
      type,
      bytes,
      zipped: gzipSync(bytes, { level: 9 }),
      // The build names these after what is in them.
      lasting: name.startsWith('assets'),
    }
  })
}

export function addDashboard(app: FastifyInstance, folder: URL = built): void {
  const files = readFiles(folder)
  for (const { path, type, bytes, zipped, lasting } of files)
    app.get(path, (request, reply) => {
      reply.headers({
        'content-type': type,
        vary: 'accept-encoding',
        ...(lasting && { 'cache-control': 'public, max-age=31536000, immutable' }),
        ...(path === '/' && { 'content-security-policy': dashboardPolicy }),
      })
      const accepts = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
      return accepts ? reply.header('content-encoding', 'gzip').send(zipped) : reply.send(bytes)
    })
  if (!files.some(({ path }) => path === '/')) app.get('/', (_request, reply) => reply.redirect('/docs', 302))
}
