import { nativeSuite } from './suites/native.ts'

nativeSuite()
