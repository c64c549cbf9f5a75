import type { KeyType } from './key-type.ts'

/**
 * What the servers' system catalogs say about names, as pure data: read once at start by `catalog/`, verified
 * to agree between the shards, and replaced as a whole when DDL changes it.
 */
export interface Catalog {
  /** Grows with every refresh; part of every cached plan's identity. */
  readonly version: number
  /** True when statements may have to be told apart by shard; with one shard nothing needs a proof. */
  readonly isSharded: boolean
  /** Schemas in which unqualified names are looked up, in order, implicit ones (`pg_catalog`) included. */
  readonly searchPath: readonly string[]
  /** `TimeZone` of the sessions, when all nodes agree on it; decides whether zoneless text is a provable instant. */
  readonly timeZone: string | undefined
  /** Relations by `schema.name`, as `relationKey` spells it. */
  readonly relations: ReadonlyMap<string, Relation>
  /** User functions by `schema.name`; several overloads are folded into the worst. Built-ins are not listed. */
  readonly functions: ReadonlyMap<string, FunctionFacts>
  /** User operators by symbol (all schemas folded into the worst); built-in operators are not listed. */
  readonly operators: ReadonlyMap<string, FunctionFacts>
  /**
   * User-defined casts whose function is volatile, as `source → target`. They can be applied anywhere, unseen, so with
   * any of them no statement is provably a read.
   */
  readonly volatileCasts?: readonly string[]
  /** User types by `schema.name`. */
  readonly types: ReadonlyMap<string, TypeFacts>
  /** User types by OID as text, per shard name, because OIDs of user types differ between servers. */
  readonly typeOids: ReadonlyMap<string, ReadonlyMap<number, string>>
  /** The database's default collation. */
  readonly defaultCollation: Collation
}

export type RelationKind = 'table' | 'partitioned' | 'view' | 'materialized-view' | 'foreign' | 'sequence'

export interface Relation {
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
  readonly columns: readonly Column[]
  readonly placement: TablePlacement
  /** The keyspace whose shards hold the relation. */
  readonly keyspace: string
  /** For views: the text of `pg_get_viewdef`, every name qualified. */
  readonly viewText?: string
  /** Columns of every unique index without a predicate or expression, primary key first. */
  readonly uniqueKeys: readonly (readonly string[])[]
  /** Columns of its unique and primary-key constraints by their names, which ON CONFLICT ON CONSTRAINT knows. */
  readonly uniqueConstraints?: ReadonlyMap<string, readonly string[]>
  /** Validated, enforced foreign keys from this relation. */
  readonly foreignKeys: readonly ForeignKey[]
  /** True when user triggers or rewrite rules may run hidden SQL on writes. */
  readonly hasTriggers: boolean
  /** True for a table that others inherit from: its unique keys say nothing of their rows, which are its rows, too. */
  readonly hasChildren?: boolean
  /** True for unlogged tables: a standby refuses to read them. */
  readonly isUnlogged?: boolean
  /** Columns whose value carries the bucket of the row's shard key; set only when a constraint says so on every shard. */
  readonly routable?: ReadonlyMap<string, RoutableColumn>
}

/** A column of ids that name the bucket of their row: see `sharding/routable-id.ts`. */
export interface RoutableColumn {
  readonly format: 'int8' | 'uuid'
  /** The validated foreign key to a routable column of the same colocation group that proves it; absent for the column itself. */
  readonly via?: string
}

export interface Column {
  readonly name: string
  /** Type name as `format_type(atttypid, null)` prints it, domains resolved to their base. */
  readonly type: string
  readonly notNull: boolean
  /** Undefined for types without a collation. */
  readonly collation?: Collation
  readonly hasDefault: boolean
  /** The default expression as `pg_get_expr` prints it; absent for identity columns. */
  readonly defaultText?: string
  readonly isGenerated: boolean
}

export interface Collation {
  readonly name: string
  /** Undefined for PostgreSQL's own (pg_catalog). */
  readonly schema?: string
  /** True when the order is that of code points (C, POSIX, C.UTF-8, ucs_basic): JavaScript can compare. */
  readonly isCodePoint: boolean
  readonly isDeterministic: boolean
}

export interface ForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly target: { readonly schema: string; readonly name: string; readonly columns: readonly string[] }
}

export type Volatility = 'immutable' | 'stable' | 'volatile'

export interface FunctionFacts {
  readonly volatility: Volatility
  /** True when the body may read or write tables that the statement does not name (any language but C and internal). */
  readonly isOpaque: boolean
  readonly isAggregate: boolean
  readonly isWindow: boolean
  /** True for set-returning functions. */
  readonly returnsSet: boolean
}

export interface TypeFacts {
  readonly kind: 'enum' | 'domain' | 'composite' | 'range' | 'base'
  /** Enum labels in their sort order. */
  readonly labels?: readonly string[]
}

/** Where a relation's rows live. */
export type TablePlacement =
  | { readonly strategy: 'unsharded' }
  | { readonly strategy: 'reference' }
  | KeyedPlacement
  /** A relation whose rows differ per shard in a way nothing can prove, such as a materialised view over a sharded table. */
  | { readonly strategy: 'per-shard'; readonly why: string }

export interface KeyedPlacement {
  readonly strategy: 'tenant' | 'entity' | 'time'
  /** Tables of one group with equal keys lie on one shard. */
  readonly group: string
  readonly keyColumn: string
  readonly keyType: KeyType
  /** For varchar(n): n. A longer text may be cut or refused by the server, so it proves no key. */
  readonly keyLength?: number
  /** For `time`: the period. */
  readonly every?: 'hour' | 'day' | 'week' | 'month' | 'year'
  /** For `tenant`: refuse statements that do not prove a tenant. */
  readonly isGuarded: boolean
}

export function relationKey(schema: string, name: string): string {
  return `${schema}.${name}`
}

/** The relation an unqualified or qualified name means, by the search path; undefined when there is none. */
export function findRelation(
  catalog: Catalog,
  schema: string | undefined,
  name: string,
): Relation | undefined {
  if (schema !== undefined) return catalog.relations.get(relationKey(schema, name))
  for (const path of catalog.searchPath) {
    const relation = catalog.relations.get(relationKey(path, name))
    if (relation !== undefined) return relation
  }
  return undefined
}

/** What is known without a server: built-in functions only, no user relation, nothing sharded. */
export const emptyCatalog: Catalog = {
  version: 0,
  isSharded: false,
  searchPath: ['pg_catalog', 'public'],
  timeZone: undefined,
  relations: new Map(),
  functions: new Map(),
  operators: new Map(),
  types: new Map(),
  typeOids: new Map(),
  defaultCollation: { name: 'default', isCodePoint: false, isDeterministic: true },
}
