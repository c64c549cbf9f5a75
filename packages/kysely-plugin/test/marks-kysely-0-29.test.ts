import { marksSuite } from './suites/marks.ts'

marksSuite()
