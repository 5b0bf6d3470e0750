import { conformance } from './conformance/every-suite.ts'

conformance('sqlite', 'embedded')
