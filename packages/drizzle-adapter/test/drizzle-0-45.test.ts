import { integrationSuites } from './suites/all.ts'

integrationSuites()
