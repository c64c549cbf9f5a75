import { allSuites } from './suites/all.ts'

allSuites()
