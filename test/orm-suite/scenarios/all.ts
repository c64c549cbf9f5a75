import { contexts } from './contexts.ts'
import { errors } from './errors.ts'
import { faults } from './faults.ts'
import { hostile } from './hostile.ts'
import { oddities } from './oddities.ts'
import { raw } from './raw.ts'
import { reads } from './reads.ts'
import { relations } from './relations.ts'
import { streams } from './streams.ts'
import { transactions } from './transactions.ts'
import { writes } from './writes.ts'
import type { Scenario } from './scenario.ts'

/** Those that stop servers come last. */
export const scenarios: readonly Scenario[] = [
  ...reads,
  ...relations,
  ...streams,
  ...writes,
  ...raw,
  ...transactions,
  ...contexts,
  ...errors,
  ...oddities,
  ...hostile,
  ...faults,
]
