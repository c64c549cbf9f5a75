import type { FuncCall } from 'libpg-query'
import { findRelation, type Catalog } from '../catalog.ts'
import type { KeyType } from '../key-type.ts'
import { castOf, functionNameOf, parameterOf, type Node, type TypeReading } from '../tree.ts'
import type { Analysis } from './analysis.ts'
import { unknownBinding, type Binding, type Source, type Unnested } from './model.ts'
import { elementTypeOfCast } from './types.ts'
import { readKeyArray } from './values.ts'

/** True for the built-in `unnest`. */
export function isUnnest({ catalog }: Analysis, call: FuncCall | undefined): call is FuncCall {
  if (call === undefined) return false
  const { schema, name } = functionNameOf(call)
  if (name !== 'unnest' || isSpecial(call)) return false
  if (schema === undefined) return !catalog.searchPath.some((path) => catalog.functions.has(`${path}.unnest`))
  return schema === 'pg_catalog'
}

/** With DISTINCT, ORDER BY, FILTER, OVER or VARIADIC it is none that a server takes, or another thing. */
function isSpecial(call: FuncCall): boolean {
  const { agg_distinct, agg_order, agg_filter, over, func_variadic } = call
  return [agg_distinct, agg_order, agg_filter, over, func_variadic].some((field) => field !== undefined)
}

/** Undefined when an argument may be more than one column. */
export function readUnnest(analysis: Analysis, args: readonly Node[]): Unnested | undefined {
  const { catalog } = analysis
  const columns: Unnested['columns'][number][] = []
  const numbers: (number | undefined)[] = []
  for (const arg of args) {
    const cast = castOf(arg)
    if (cast === undefined || !cast.type.isArray || !isOneColumn(cast.type, catalog)) return undefined
    const type = elementTypeOfCast(cast.type, catalog)
    numbers.push(parameterOf(cast.argument))
    columns.push({ type, binding: type === undefined ? unknownBinding : bind(analysis, arg, type) })
  }
  const parameters = numbers.filter((number) => number !== undefined)
  const unnested = { parameters: parameters.length === args.length ? parameters : undefined, columns }
  for (const { binding } of columns) {
    const source: Source | undefined = binding.up?.[0]?.source
    if (source !== undefined) analysis.unnested.set(source, unnested)
  }
  return unnested
}

/** The elements of a known set. */
function bind(analysis: Analysis, array: Node, type: KeyType): Binding {
  const binding = { ...unknownBinding, type }
  const set = readKeyArray(array, type, analysis.catalog)
  if (set === undefined) return binding
  const source = analysis.addSource('value', 'read', type)
  source.sets.push(set)
  return { ...binding, up: [{ source, column: '', row: source.id }] }
}

/** An array of rows becomes a column for each of their fields. */
function isOneColumn({ schema, name }: TypeReading, catalog: Catalog): boolean {
  if (schema === undefined && findRelation(catalog, undefined, name) !== undefined) return false
  const paths = schema === undefined ? catalog.searchPath : [schema]
  const own = paths
    .map((path) => catalog.types.get(`${path}.${name}`)?.kind)
    .filter((kind) => kind !== undefined)
  if (own.length > 0) return own.every((kind) => kind !== 'composite' && kind !== 'domain')
  return (schema === undefined || schema === 'pg_catalog') && !name.startsWith('pg_')
}
