// Preloaded by `npm test` and `npm run proof`, which start hundreds of Node processes from the same sources: what one of
// them has compiled serves the next. Node keeps it by its own version and by content, so nothing in it is ever stale.

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// For this process; the variable is for those that it starts.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))
enableCompileCache(process.env.NODE_COMPILE_CACHE)
