import type { WindowDef } from 'libpg-query'
import type { Catalog, Column, Relation } from '../catalog.ts'
import { columnOf, type Node } from '../tree.ts'
import type { OuterJoin } from './facts.ts'
import { unknownBinding, type Binding, type NamedBinding, type Roots, type Source } from './model.ts'
import { typeOfColumn } from './types.ts'

/** The columns of one item of a FROM list, bound when they are asked for. */
export interface ColumnSet {
  /** Undefined when there is no such column; an unknown binding when there are two. */
  find(name: string): Binding | undefined
  list(): readonly NamedBinding[]
  /** False when there may be columns that are not known, as of a function or an unknown table. */
  readonly isComplete: boolean
}

export interface RangeItem {
  /** The name that qualifies its columns. */
  readonly name: string | undefined
  /** Set for a table without an alias: its columns may be qualified with the schema as well. */
  readonly schema: string | undefined
  readonly columns: ColumnSet
  /** True when an outer join of this FROM may have filled it with NULLs. */
  readonly isNullable: boolean
  readonly hasVisibleColumns: boolean
  readonly hasVisibleName: boolean
}

/** What is wrong with a query level for pushing conditions into it, or for running it shard by shard. */
export interface Level {
  hasAggregate: boolean
  hasWindow: boolean
  /** The windows its functions look through. */
  readonly windows: WindowDef[]
  /** The clause being read: some functions are harmless only in some of them. */
  clause: 'target' | 'where' | 'other'
  readonly isTop: boolean
  /** The outer joins of its FROM, which a condition above them may make inner ones. */
  readonly outerJoins: OuterJoin[]
}

/** A CTE in force, innermost first. */
export interface CteScope {
  readonly name: string
  readonly cte: Cte
  readonly next: CteScope | undefined
}

export interface Cte {
  /** The columns and rows of one reference to it. */
  reference(): CteReference
}

export interface CteReference {
  readonly columns: ColumnSet
  readonly roots: Roots
}

export interface Scope {
  items: readonly RangeItem[]
  readonly parent: Scope | undefined
  readonly ctes: CteScope | undefined
  readonly level: Level
}

export function createLevel(isTop: boolean): Level {
  return { hasAggregate: false, hasWindow: false, windows: [], clause: 'other', isTop, outerJoins: [] }
}

export interface Resolved {
  readonly binding: Binding
  readonly scope: Scope
  /** The item of FROM it is a column of; undefined when two have it. */
  readonly item: RangeItem | undefined
}

/** Finds the column as PostgreSQL does: innermost scope first. Undefined when nothing is certain. */
export function resolveColumn(scope: Scope, parts: readonly string[]): Resolved | undefined {
  const [first, second, third] = parts
  if (first === undefined) return undefined
  if (second === undefined) return resolveUnqualified(scope, first)
  if (third === undefined) return resolveQualified(scope, undefined, first, second)
  return resolveQualified(scope, parts.at(-3), parts.at(-2) ?? '', parts.at(-1) ?? '')
}

/** What a column reference is bound to; undefined for anything else and when nothing is certain. */
export function bindColumn(scope: Scope, node: Node | undefined): Binding | undefined {
  const column = columnOf(node)
  return column === undefined || column.isStar ? undefined : resolveColumn(scope, column.parts)?.binding
}

function resolveUnqualified(start: Scope, name: string): Resolved | undefined {
  for (let scope: Scope | undefined = start; scope !== undefined; scope = scope.parent) {
    let found: Binding | undefined
    let owner: RangeItem | undefined
    let isComplete = true
    for (const item of scope.items) {
      if (!item.hasVisibleColumns) continue
      isComplete &&= item.columns.isComplete
      const binding = item.columns.find(name)
      if (binding === undefined) continue
      // Two of them are ambiguous: the server says so, and nothing is proved.
      owner = found === undefined ? item : undefined
      found = found === undefined ? seenThrough(item, binding) : unknownBinding
    }
    if (found !== undefined) return { binding: found, scope, item: owner }
    if (!isComplete) return undefined
  }
  return undefined
}

function resolveQualified(
  start: Scope,
  schema: string | undefined,
  table: string,
  name: string,
): Resolved | undefined {
  const found = findItem(start, schema, table)
  const binding = found?.item.columns.find(name)
  return found === undefined || binding === undefined
    ? undefined
    : { binding: seenThrough(found.item, binding), scope: found.scope, item: found.item }
}

/** The item that a qualified name means, with the scope it stands in. */
export function findItem(
  start: Scope,
  schema: string | undefined,
  table: string,
): { readonly item: RangeItem; readonly scope: Scope } | undefined {
  for (let scope: Scope | undefined = start; scope !== undefined; scope = scope.parent) {
    let found: RangeItem | undefined
    for (const item of scope.items) {
      if (!item.hasVisibleName || item.name !== table) continue
      if (schema !== undefined && item.schema !== schema) continue
      if (found !== undefined) return undefined
      found = item
    }
    if (found !== undefined) return { item: found, scope }
  }
  return undefined
}

export function seenThrough(item: RangeItem, binding: Binding): Binding {
  return item.isNullable && !binding.isNullable ? { ...binding, isNullable: true } : binding
}

export function nullableItems(items: readonly RangeItem[]): readonly RangeItem[] {
  return items.map((item) => (item.isNullable ? item : { ...item, isNullable: true }))
}

export function hiddenColumns(items: readonly RangeItem[]): readonly RangeItem[] {
  return items.map((item) => (item.hasVisibleColumns ? { ...item, hasVisibleColumns: false } : item))
}

/** What `*` stands for. */
export function visibleColumns(items: readonly RangeItem[]): {
  columns: NamedBinding[]
  isComplete: boolean
} {
  const columns: NamedBinding[] = []
  let isComplete = true
  for (const item of items) {
    if (!item.hasVisibleColumns) continue
    isComplete &&= item.columns.isComplete
    for (const column of item.columns.list()) {
      columns.push({ name: column.name, binding: seenThrough(item, column.binding) })
    }
  }
  return { columns, isComplete }
}

const columnIndex = new WeakMap<Relation, ReadonlyMap<string, Column>>()

function columnsByName(relation: Relation): ReadonlyMap<string, Column> {
  let index = columnIndex.get(relation)
  if (index === undefined) {
    index = new Map(relation.columns.map((column) => [column.name, column]))
    columnIndex.set(relation, index)
  }
  return index
}

const systemColumns: ReadonlySet<string> = new Set(['ctid', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax'])
const systemBinding: Binding = { ...unknownBinding, isSystem: true }

/** Columns of a base table; `source` is undefined for tables that are not sharded. */
export function tableColumns(
  relation: Relation,
  source: Source | undefined,
  aliases: readonly string[],
): ColumnSet {
  const bind = (column: Column): Binding => {
    const slots = source === undefined ? undefined : [{ source, column: column.name, row: source.id }]
    return {
      up: slots,
      down: slots ?? [],
      isNullable: false,
      type: typeOfColumn(column),
      relation,
      column,
      isSystem: false,
    }
  }
  if (aliases.length > 0) {
    const columns = relation.columns.map((column, index) => ({
      name: aliases[index] ?? column.name,
      binding: bind(column),
    }))
    const named = listedColumns(columns, true)
    return {
      ...named,
      find: (name) => named.find(name) ?? (systemColumns.has(name) ? systemBinding : undefined),
    }
  }
  const byName = columnsByName(relation)
  return {
    isComplete: true,
    find(name) {
      const column = byName.get(name)
      if (column !== undefined) return bind(column)
      return systemColumns.has(name) ? systemBinding : undefined
    },
    list: () => relation.columns.map((column) => ({ name: column.name, binding: bind(column) })),
  }
}

export function listedColumns(columns: readonly NamedBinding[], isComplete: boolean): ColumnSet {
  return {
    isComplete,
    find(name) {
      let found: Binding | undefined
      for (const column of columns) {
        if (column.name === name) found = found === undefined ? column.binding : unknownBinding
      }
      return found
    },
    list: () => columns,
  }
}

export function renamedColumns(columns: ColumnSet, aliases: readonly string[]): ColumnSet {
  if (aliases.length === 0) return columns
  return listedColumns(
    columns.list().map((column, index) => ({ ...column, name: aliases[index] ?? column.name })),
    columns.isComplete,
  )
}

/** Columns of which nothing is known. */
export const hiddenColumnSet: ColumnSet = { isComplete: false, find: () => undefined, list: () => [] }

export function namedItem(name: string | undefined, columns: ColumnSet): RangeItem {
  return {
    name,
    schema: undefined,
    columns,
    isNullable: false,
    hasVisibleColumns: true,
    hasVisibleName: name !== undefined,
  }
}

/** True when any user function could be called by the notation `table.function`. */
export function mayBeFunction(catalog: Catalog, name: string): boolean {
  if (catalog.functions.size === 0) return false
  return catalog.searchPath.some((schema) => catalog.functions.has(`${schema}.${name}`))
}
