import type { A_Const } from 'libpg-query'
import { parse } from '../statement/parser.ts'

/**
 * True when two conditions say the same thing but for parentheses, spaces and the casts that PostgreSQL writes out when it
 * prints a stored expression: of constants, and of a column to the widest type of its family.
 */
export function isSameCondition(a: string, b: string): boolean {
  const first = shapeOf(a)
  return first !== undefined && first === shapeOf(b)
}

/** Every reading of the catalogs asks for the same ones, once for each shard. */
const shapes = new Map<string, string | undefined>()
const maxShapes = 2_000

function shapeOf(condition: string): string | undefined {
  if (shapes.has(condition)) return shapes.get(condition)
  const { stmts } = parse(`select ${condition}`)
  const shape = stmts.length === 1 ? JSON.stringify(plain(stmts[0]?.stmt)) : undefined
  if (shapes.size >= maxShapes) shapes.clear()
  shapes.set(condition, shape)
  return shape
}

/** Casts that keep every value: of integers to bigint, of varchar to text, of a domain to its base. */
const widest: ReadonlySet<string> = new Set(['int8', 'text', 'uuid'])

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const node = value as Record<string, unknown>
  if ('A_Const' in node) return constantOf(node['A_Const'] as A_Const)
  if ('TypeCast' in node) return uncast(node['TypeCast'] as Record<string, unknown>)
  const result: Record<string, unknown> = {}
  for (const [field, member] of Object.entries(node)) {
    if (field === 'location' || field.endsWith('_location')) continue
    result[field] = field === 'funcname' || field === 'names' ? withoutSystemSchema(member) : plain(member)
  }
  return result
}

function uncast(cast: Record<string, unknown>): unknown {
  const argument = plain(cast['arg'])
  const type = withoutSystemSchema((cast['typeName'] as Record<string, unknown> | undefined)?.['names'])
  const isConstant = isRecord(argument) && 'constant' in argument
  const isWidened =
    isRecord(argument) && 'ColumnRef' in argument && Array.isArray(type) && widest.has(nameOf(type[0]))
  return isConstant || isWidened ? argument : { cast: argument, type }
}

/** A constant by its digits or text: `5` and `'5'::bigint` are one. */
function constantOf(constant: A_Const): unknown {
  const { ival, fval, sval } = constant
  if (ival !== undefined) return { constant: String(ival.ival ?? 0) }
  const text = fval?.fval ?? sval?.sval
  return text === undefined ? { other: { ...constant, location: 0 } } : { constant: text }
}

function withoutSystemSchema(names: unknown): unknown {
  if (!Array.isArray(names)) return names
  const plainNames = names.map(plain)
  return plainNames.length > 1 && nameOf(plainNames[0]) === 'pg_catalog' ? plainNames.slice(1) : plainNames
}

function nameOf(node: unknown): string {
  const string = isRecord(node) ? node['String'] : undefined
  return isRecord(string) ? String(string['sval']) : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
