import type { KeyList } from './key-list.ts'
import type { KeySet, KeyValue } from './key-set.ts'
import type { KeyedPlacement } from './catalog.ts'
import type { MergePlan } from './merge-plan.ts'
import type { ErrorCode } from '../errors.ts'

/** What kind of command a statement is, as far as routing cares. */
export type StatementKind =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'explain'
  | 'copy'
  | 'call'
  | 'ddl'
  | 'maintenance'
  | 'transaction'
  | 'session'
  | 'show'
  | 'cursor'
  | 'prepared'
  | 'lock'
  | 'notify'
  | 'unparsable'
  | 'empty'
  | 'multiple'

export type Role = 'replica' | 'primary'

/** Why a statement needs the role it needs: a stable word, and the construct it was seen in. */
export interface RoleReason {
  readonly rule:
    | 'read'
    | 'writes-rows'
    | 'row-locks'
    | 'table-locks'
    | 'volatile-function'
    | 'unknown-function'
    | 'unknown-table'
    | 'refused-on-standby'
    | 'data-modifying-cte'
    | 'select-into'
    | 'hidden-sql'
    | 'ddl'
    | 'maintenance'
    | 'session-state'
    | 'transaction-command'
    | 'per-server'
    | 'unparsable'
    | 'multiple-statements'
    | 'learned'
  /** The function, operator, view or clause that decided, when one did. */
  readonly subject?: string
}

/** Session state that a statement leaves behind or needs; it ties a lease to its node. */
export type Pin =
  | 'setting'
  | 'listen'
  | 'temporary-table'
  | 'advisory-lock'
  | 'cursor'
  | 'prepared-statement'
  | 'sequence-value'
  | 'session-authorization'

/** What a statement does to the transaction it runs in. */
export type TransactionCommand =
  | { readonly command: 'begin'; readonly modes: TransactionModes }
  | { readonly command: 'set-transaction'; readonly modes: TransactionModes }
  | { readonly command: 'set-session-characteristics'; readonly modes: TransactionModes }
  | { readonly command: 'commit' | 'rollback'; readonly chain: boolean }
  | { readonly command: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  | {
      readonly command: 'prepare-transaction' | 'commit-prepared' | 'rollback-prepared'
      readonly gid: string
    }
  | { readonly command: 'set-local' }

export interface TransactionModes {
  readonly isolation?: 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'
  readonly isReadOnly?: boolean
  readonly isDeferrable?: boolean
  /** SET TRANSACTION SNAPSHOT. */
  readonly hasSnapshot?: boolean
}

export interface TableUse {
  readonly schema: string | undefined
  readonly name: string
  readonly access: 'read' | 'write'
}

/** Directives found in a comment `/* shardline: role=primary, shard=eu0, tenant=7, workload=training *\/`. */
export interface Hints {
  readonly role?: Role
  readonly consistency?: 'eventual' | 'session' | 'strong'
  readonly shard?: string
  readonly tenant?: string
  readonly workload?: string
}

/** One place in a statement that ties it to shards. */
export type PlacementPart =
  /** Rows of an unsharded table: the keyspace's home shard. */
  | { readonly kind: 'home'; readonly table: string; readonly access: 'read' | 'write' }
  /** Rows of a sharded table, of which only those with a key in `set` matter. */
  | {
      readonly kind: 'keyed'
      readonly table: string
      readonly access: 'read' | 'write'
      readonly placement: KeyedPlacement
      readonly set: KeySet
      /** The routable columns in `set`, as `table.column`. */
      readonly ids?: readonly string[]
      /** Indices of other parts whose shards bound this part's shards too (foreign keys prove shards, not keys). */
      readonly within: readonly number[]
    }

/** Rows of an INSERT whose shard keys are known: those of VALUES, or the elements of arrays. */
export interface InsertRows {
  readonly table: string
  readonly placement: KeyedPlacement
  /** The shard key of each row of VALUES. */
  readonly keys: readonly KeyValue[]
  /** Set for `INSERT … SELECT … FROM unnest($1, $2)`: then the rows are known with the values. */
  readonly list?: KeyList
  /** By row what its ids say of its key: where ON CONFLICT looks for them, they have to agree with the key's shard. */
  readonly ids?: readonly (readonly KeySet[])[]
}

/** A value that an UPDATE gives to the shard key or to a routable id, so that the row's place must agree with it. */
export interface PlacedAssignment {
  readonly table: string
  readonly column: string
  readonly placement: KeyedPlacement
  /** The keys that the value stands for. */
  readonly set: KeySet
  /** Index of the part with the rows that are updated. */
  readonly part: number
}

/** A construct that cannot be run rightly, told to the author of the query. */
export interface Refusal {
  readonly code: ErrorCode
  /** The construct, in SQL's words: `LIMIT in a subquery`. */
  readonly construct: string
  /** The whole sentence: what, why, and the way out. */
  readonly message: string
}

/** How the parts of a statement become one result when they lie on several shards. */
export type Scatter =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** A read whose shards' results are merged. */
  | { readonly kind: 'merge'; readonly plan: MergePlan }
  /** An UPDATE or DELETE that is right shard by shard: counts are added, RETURNING rows are concatenated. */
  | { readonly kind: 'write' }
  /** A multi-row INSERT whose rows are dealt out; see `Placement.rows`. */
  | { readonly kind: 'split' }

/** Everything about where a statement's rows lie that its text proves. */
export interface Placement {
  /** The keyspace of its relations; undefined when it names none. */
  readonly keyspace: string | undefined
  readonly parts: readonly PlacementPart[]
  /** True when a reference table is written: every shard of the keyspace must run it. */
  readonly writesReference: boolean
  /** Set for INSERT … VALUES into a sharded table, and for one of the elements of arrays. */
  readonly rows: InsertRows | undefined
  /** Lists of keys of which a shard needs only its own. */
  readonly lists: readonly KeyList[]
  /** Values of an UPDATE that must not move its rows. */
  readonly assignments: readonly PlacedAssignment[]
  /** A refusal that holds whatever the parameters are (only raised when there are several shards). */
  readonly refusal: Refusal | undefined
  /** The proof for several shards, worked out on first use and kept. */
  scatter(): Scatter
}

/** A statement as the rest of the pipeline sees it: immutable, and cached by its text. */
export interface Statement {
  /** The text that was analysed: the application's, with its comments taken out. What runs is what it wrote. */
  readonly text: string
  readonly kind: StatementKind
  readonly role: Role
  readonly reason: RoleReason
  /** Undefined when the statement leaves no session state behind. */
  readonly pins: Pin | undefined
  /** True when the session state is left also after the transaction (so an unleased pool must refuse it). */
  readonly isSessionChanging: boolean
  /** True when two runs without a write in between give the same rows on any node. */
  readonly isCacheable: boolean
  /** True when nothing in it depends on tables, settings, time or chance: any node gives the same answer. */
  readonly isConstant: boolean
  readonly tables: readonly TableUse[]
  readonly transaction: TransactionCommand | undefined
  /** Highest parameter number used. */
  readonly parameterCount: number
  readonly placement: Placement
  readonly hints: Hints
  /** For `unparsable`: what the parser said, to be raised as PostgreSQL would. */
  readonly syntaxError: SyntaxError | undefined
  /** True when the statement changes catalogs, so that the catalog must be read again after it. */
  readonly changesCatalog: boolean
  /** The catalog version it was analysed under. */
  readonly catalogVersion: number
}

/** A syntax error as PostgreSQL reports it: SQLSTATE (42601 mostly) and a 1-based character position, 0 if it gives none. */
export interface SyntaxError {
  readonly message: string
  readonly sqlState: string
  readonly position: number
}
