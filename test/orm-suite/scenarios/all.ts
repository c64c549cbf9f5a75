import { reads } from './reads.ts'
import { relations } from './relations.ts'
import { transactions } from './transactions.ts'
import { writes } from './writes.ts'
import type { Scenario } from './scenario.ts'

export const scenarios: readonly Scenario[] = [...reads, ...relations, ...writes, ...transactions]
