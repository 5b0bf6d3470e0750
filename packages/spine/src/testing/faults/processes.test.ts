// Real processes, killed, stopped, starved and flooded. The long forms are `npm run proof`.

import { shortForms } from './short-forms.ts'

shortForms('processes', { concurrency: 3 })
