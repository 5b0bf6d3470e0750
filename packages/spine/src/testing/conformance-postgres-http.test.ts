import { conformance } from './conformance/every-suite.ts'

conformance('postgres', 'http')
