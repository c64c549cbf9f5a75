import { readFileSync } from 'node:fs'
import type { Statement } from '../../src/statement/statement.ts'

export interface ClassificationCase {
  readonly sql: string
  readonly kind: string
  readonly role: 'replica' | 'primary'
  readonly rule: string
  readonly subject?: string
  readonly pins?: string
  readonly isSessionChanging?: boolean
  readonly isCacheable?: boolean
  readonly isConstant?: boolean
  readonly transaction?: unknown
  readonly changesCatalog?: boolean
  readonly why?: string
  /** False when the case cannot run as it stands: its names do not exist, or it talks COPY. */
  readonly run?: boolean
}

export const classificationVectors = JSON.parse(
  readFileSync(new URL('../../vectors/classification.json', import.meta.url), 'utf8'),
) as { readonly setup: readonly string[]; readonly cases: readonly ClassificationCase[] }

type Expected = Omit<ClassificationCase, 'why' | 'run' | 'sql'>

/** What a case says about the statement. */
export function expectedOf(known: ClassificationCase): Expected {
  const expected: Partial<ClassificationCase> = { ...known }
  for (const field of ['sql', 'why', 'run'] as const) Reflect.deleteProperty(expected, field)
  return expected as Expected
}

/** A statement in the form of the vectors: what is absent there is absent here. */
export function describeStatement(statement: Statement): Expected {
  const { kind, role, reason, pins, transaction } = statement
  return {
    kind,
    role,
    rule: reason.rule,
    ...(reason.subject === undefined ? {} : { subject: reason.subject }),
    ...(pins === undefined ? {} : { pins }),
    ...(statement.isSessionChanging ? { isSessionChanging: true } : {}),
    ...(statement.isCacheable ? { isCacheable: true } : {}),
    ...(statement.isConstant ? { isConstant: true } : {}),
    ...(transaction === undefined ? {} : { transaction }),
    ...(statement.changesCatalog ? { changesCatalog: true } : {}),
  }
}
