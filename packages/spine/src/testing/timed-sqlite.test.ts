import { timedConformance } from './conformance/every-timed-suite.ts'

timedConformance('sqlite')
