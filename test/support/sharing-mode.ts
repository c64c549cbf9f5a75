import { poolDefaults } from '../../packages/core/src/config/pool-defaults.ts'
import { readSharingMode } from './read-sharing-mode.ts'

// Every router and pool of a test file, whoever opens it, takes its options from here where the test does not say.
const mode = readSharingMode()
if (mode === 'off') poolDefaults.multiplex = false
else if (mode === 'crowded') poolDefaults.max = 2
