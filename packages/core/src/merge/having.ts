import { StatementError } from '../errors.ts'
import type { HavingCondition, HavingOperator, MergePlan } from '../statement/merge-plan.ts'
import { columnIndex, columnType } from './columns.ts'
import { compareDecimals, readDecimal } from './decimal.ts'
import type { FieldFacts, RawRow } from './row.ts'
import { typeOid } from './type-order.ts'

/** Three-valued, as SQL: null is unknown. */
export type Condition = (row: RawRow) => boolean | null

interface HavingScope {
  readonly plan: MergePlan
  readonly fields: readonly FieldFacts[]
  readonly values: readonly unknown[]
}

/** HAVING over merged groups, with the parameter values filled in. */
export function compileHaving(condition: HavingCondition, scope: HavingScope): Condition {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const conditions = condition.conditions.map((member) => compileHaving(member, scope))
      return connect(conditions, condition.kind === 'or')
    }
    case 'not': {
      const inner = compileHaving(condition.condition, scope)
      return (row) => {
        const truth = inner(row)
        return truth === null ? null : !truth
      }
    }
    case 'null-test': {
      const column = columnIndex(condition.column, scope.plan, scope.fields)
      return (row) => (row[column] === null) === condition.isNull
    }
  }
  return compileComparison(condition, scope)
}

function connect(conditions: readonly Condition[], decisive: boolean): Condition {
  return (row) => {
    let isUnknown = false
    for (const condition of conditions) {
      const truth = condition(row)
      if (truth === decisive) return decisive
      if (truth === null) isUnknown = true
    }
    return isUnknown ? null : !decisive
  }
}

const integerBits: ReadonlyMap<number, number> = new Map([
  [typeOid.int2, 16],
  [typeOid.int4, 32],
  [typeOid.int8, 64],
])

function compileComparison(
  { column, operator, operand }: Extract<HavingCondition, { kind: 'compare' }>,
  { plan, fields, values }: HavingScope,
): Condition {
  const index = columnIndex(column, plan, fields)
  const oid = columnType(index, fields)
  const isFloat = oid === typeOid.float8
  const bits = integerBits.get(oid)
  if (!isFloat && oid !== typeOid.numeric && bits === undefined) throw unsupportedType(oid)
  const holds = comparisons[operator]
  const value = operand.source === 'parameter' ? values[operand.number - 1] : operand.text
  if (value === null || value === undefined) return () => null
  // PostgreSQL reads a parameter or a quoted constant as the aggregate's own type; a bare number keeps its own.
  const isTyped = operand.source === 'parameter' || operand.isQuoted
  const bound = readNumber(value)
  if (operand.source === 'parameter' && operand.isInteger && !isIntegerOf(bound.text, 64))
    throw invalidOperand()
  if (isTyped && bits !== undefined && !isIntegerOf(bound.text, bits)) throw invalidOperand()
  if (isFloat) {
    const limit = Number(bound.text)
    return (row) => {
      const text = row[index]
      return text === null || text === undefined ? null : holds(compareFloats(Number(text), limit))
    }
  }
  return (row) => {
    const text = row[index]
    if (text === null || text === undefined) return null
    const read = readDecimal(text)
    if (read === undefined) throw new TypeError('a shard sent a number that is none')
    return holds(compareDecimals(read, bound.decimal))
  }
}

const comparisons: Readonly<Record<HavingOperator, (sign: number) => boolean>> = {
  '=': (sign) => sign === 0,
  '<>': (sign) => sign !== 0,
  '<': (sign) => sign < 0,
  '<=': (sign) => sign <= 0,
  '>': (sign) => sign > 0,
  '>=': (sign) => sign >= 0,
}

function compareFloats(left: number, right: number): number {
  if (left < right) return -1
  if (left > right) return 1
  return left === right ? 0 : Number(Number.isNaN(left)) - Number(Number.isNaN(right))
}

function readNumber(value: unknown) {
  const text =
    typeof value === 'string'
      ? value.trim()
      : typeof value === 'number' || typeof value === 'bigint'
        ? String(value)
        : ''
  const decimal = readDecimal(text)
  if (decimal === undefined) throw invalidOperand()
  return { text, decimal }
}

function isIntegerOf(text: string, bits: number): boolean {
  return /^[-+]?\d+$/.test(text) && BigInt.asIntN(bits, BigInt(text)) === BigInt(text)
}

function invalidOperand(): StatementError {
  return new StatementError(
    'UNSUPPORTED_SCATTER',
    'HAVING over several shards compares aggregates with plain numbers that fit the aggregate. Cast the aggregate or the operand so that both are numeric.',
    { details: { construct: 'HAVING' } },
  )
}

function unsupportedType(oid: number): StatementError {
  return new StatementError(
    'UNSUPPORTED_SCATTER',
    'HAVING over several shards compares aggregates of integer, numeric or double precision type only. Put the condition into WHERE of an outer query, group by the shard key, or name the key.',
    { details: { construct: 'HAVING', typeOid: oid } },
  )
}
