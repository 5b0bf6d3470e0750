// Faults whose time is in the hand of the test. The long forms are `npm run proof`.

import { shortForms } from './short-forms.ts'

shortForms('in_process', { concurrency: 1 })
