import type { Column, KeyedPlacement, Relation } from '../catalog.ts'
import type { IdSet, KeySet } from '../key-set.ts'
import type { KeyType } from '../key-type.ts'

/**
 * The type of an expression as far as proofs need it: a key type, an untyped literal or parameter, or (undefined)
 * anything else.
 */
export type TypeGuess = KeyType | 'unknown' | undefined

/**
 * A place that rows or values come from.
 *
 * `table`: one occurrence of a sharded table; `value`: a column of constants, such as `VALUES ($1::int8)`;
 * `written`: the rows an INSERT or MERGE adds; `recursion`: the rows a recursive CTE has made so far.
 */
export interface Source {
  /** Sources are numbered as they are met, so the sources of a subtree are a range of numbers. */
  readonly id: number
  readonly kind: 'table' | 'value' | 'written' | 'recursion'
  readonly access: 'read' | 'write'
  readonly relation: Relation | undefined
  readonly placement: KeyedPlacement | undefined
  /** The type under which its key values are compared. */
  readonly keyType: KeyType | undefined
  /** Sets that every key that matters lies in; none means that all may matter. */
  readonly sets: KeySet[]
  /** The columns whose values name the shard of their row. */
  readonly ids: ReadonlyMap<string, IdColumn>
  /** Sets that every value that matters of such a column lies in. */
  readonly idSets: Map<string, readonly KeySet[]>
}

/** A routable column: its value carries the bucket of its row's shard key. */
export interface IdColumn {
  /** As people name it: `orders.id`. */
  readonly spelled: string
  readonly format: IdSet['format']
  /**
   * The one row that a value means, as the unique column that all columns with this anchor refer to: rows with equal
   * values lie on one shard, even where pinned keys leave a bucket's ids on two. Undefined when no such column is known.
   */
  readonly anchor: string | undefined
  readonly isNotNull: boolean
}

/** A column of a source's rows. `row` tells apart two readings of one source, such as two references to a CTE. */
export interface Slot {
  readonly source: Source
  readonly column: string
  readonly row: number
}

/** What a column reference or an output column is bound to. */
export interface Binding {
  /** The value, when not NULL, is that of one of these slots; undefined when that is not known. */
  readonly up: readonly Slot[] | undefined
  /**
   * Slots of rows that do not matter when the value is filtered out: a condition on the value may be pushed down to
   * them.
   */
  readonly down: readonly Slot[]
  /** True when an outer join may have put NULL here although the column itself is never NULL. */
  readonly isNullable: boolean
  readonly type: TypeGuess
  /** Set when the value is plainly a relation's column, whatever its placement. */
  readonly relation: Relation | undefined
  readonly column: Column | undefined
  readonly isSystem: boolean
}

export interface NamedBinding {
  readonly name: string
  readonly binding: Binding
}

/** `unnest($1::int8[], $2::text[])`: the elements of several arrays side by side, NULL where one is shorter. */
export interface Unnested {
  /** The numbers of the arrays; undefined unless all of them are parameters. */
  readonly parameters: readonly number[] | undefined
  readonly columns: readonly UnnestedColumn[]
}

export interface UnnestedColumn {
  readonly binding: Binding
  /** The type of the elements, when it is one that a key may have. */
  readonly type: KeyType | undefined
}

export const unknownBinding: Binding = {
  up: undefined,
  down: [],
  isNullable: true,
  type: undefined,
  relation: undefined,
  column: undefined,
  isSystem: false,
}

export const untypedBinding: Binding = { ...unknownBinding, type: 'unknown' }

/** Rows of `to` matter only when some row of `from` that matters has the same value. */
export interface Equality {
  readonly from: readonly Slot[]
  readonly to: Slot
  /** False for IS NOT DISTINCT FROM, which two NULLs satisfy: no foreign key follows from it. */
  readonly isStrict: boolean
}

/**
 * Which rows an expression over several shards is put together from.
 *
 * `located`: it is the union of what each shard gives, because it is linear in the rows of one of the candidate sets
 * of sources; `replicated`: every shard gives the same; `refused`: neither.
 */
export type Roots =
  | { readonly kind: 'replicated' }
  | {
      readonly kind: 'located'
      readonly candidates: readonly (readonly Source[])[]
      /** Why a part could not be a root itself; the best explanation when no candidate ties everything. */
      readonly hint: Obstacle | undefined
    }
  | { readonly kind: 'refused'; readonly obstacle: Obstacle }

/** A construct that does not work shard by shard, and the way out. */
export interface Obstacle {
  readonly construct: string
  readonly why: string
  readonly wayOut: string
}

export const replicated: Roots = { kind: 'replicated' }

export function refusedRoots(construct: string, why: string, wayOut: string): Roots {
  return { kind: 'refused', obstacle: { construct, why, wayOut } }
}

export function isKeySlot(slot: Slot): boolean {
  const { kind, placement } = slot.source
  return kind === 'table' || kind === 'written' ? placement?.keyColumn === slot.column : true
}

/** True when the value can only come from shard keys, which are never NULL by themselves. */
export function isKeyBinding(binding: Binding): boolean {
  return (
    binding.up !== undefined &&
    binding.up.length > 0 &&
    binding.up.every((slot) => slot.source.placement !== undefined && isKeySlot(slot))
  )
}
