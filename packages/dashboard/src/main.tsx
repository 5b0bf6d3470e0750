/** Where the page begins. */

import { render } from 'preact'
import { App } from './app.tsx'
import { startStream } from './core/stream.ts'
import './style/tokens.css'
import './style/page.css'
import './style/controls.css'
import './style/tables.css'
import './style/glyphs.css'
import './style/overview.css'
import './style/what-if.css'
import './style/chain.css'
import './style/handoff.css'
import './style/read.css'
import './style/lanes.css'
import './style/narrow.css'

const root = document.getElementById('app')
if (root) render(<App />, root)
startStream()
