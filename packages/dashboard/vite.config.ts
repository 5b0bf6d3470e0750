/** How the page is built: small files with names of their content, into the package that serves them. */

import { defineConfig } from 'vite'

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../spine/dist/dashboard',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    // Nothing from a data: address, so that the page needs no leave for it.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // How long the build took is nobody's business who starts the server.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
})
