/** The catalogs of one server, as plain rows: what `readShardCatalog` brings home before anything is judged. */
export interface ShardCatalog {
  readonly settings: SessionSettings
  readonly relations: readonly RelationRow[]
  readonly columns: readonly ColumnRow[]
  readonly uniqueKeys: readonly UniqueKeyRow[]
  readonly foreignKeys: readonly ForeignKeyRow[]
  readonly functions: readonly FunctionRow[]
  readonly operators: readonly OperatorRow[]
  readonly types: readonly TypeRow[]
  /** Casts by user functions that are volatile, as `source → target`. */
  readonly volatileCasts: readonly string[]
  /** Which relations a view or materialised view reads, directly. */
  readonly viewReads: readonly { readonly view: number; readonly reads: number }[]
  /** Functions of the schema `shardline`. */
  readonly idFunctions: readonly IdFunctionRow[]
  /** CHECK constraints of users' tables, one of which may say of a column that its ids carry the bucket. */
  readonly idChecks: readonly IdCheckRow[]
  /** Tables whose left-out ids are filled by our trigger. */
  readonly idTriggers: readonly { readonly relation: number; readonly function: string }[]
}

export interface IdFunctionRow {
  readonly name: string
  /** Argument types as `oidvectortypes` prints them. */
  readonly types: string
  readonly body: string
}

export interface IdCheckRow {
  readonly relation: number
  readonly name: string
  /** `pg_get_expr`, with only pg_catalog in the path. */
  readonly condition: string
  /** Checked for all rows, of partitions and children as well. */
  readonly isValidated: boolean
}

export interface SessionSettings {
  readonly serverVersion: number
  /** `current_schemas(true)`. */
  readonly searchPath: readonly string[]
  readonly timeZone: string
  readonly dateStyle: string
  readonly intervalStyle: string
  readonly byteaOutput: string
  readonly extraFloatDigits: number
  readonly standardConformingStrings: string
  readonly defaultIsolation: string
  readonly maxPreparedTransactions: number
  readonly isInRecovery: boolean
  readonly encoding: string
  /** The same for two connections only when they lead to one database of one running server. */
  readonly identity: string
  readonly collation: CollationRow
}

export interface CollationRow {
  readonly name: string
  /** Null for pg_catalog's. */
  readonly schema?: string | null
  /** `c` libc, `i` ICU, `b` built in. */
  readonly provider: string
  readonly locale: string | null
  readonly isDeterministic: boolean
}

export interface RelationRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  /** OIDs of the partitioned table or the inherited tables. */
  readonly parents: readonly number[]
  readonly isUnlogged: boolean
  /** User triggers, or rules other than a view's own. */
  readonly hasTriggers: boolean
  /** User triggers that can change a row on its way in. */
  readonly hasBeforeTriggers: boolean
  readonly viewText: string | null
}

export interface ColumnRow {
  readonly relation: number
  readonly name: string
  /** `format_type` of the base type, domains resolved. */
  readonly type: string
  /** `atttypmod`, a domain's included: -1 for none. */
  readonly modifier: number
  readonly notNull: boolean
  /** Null for types without a collation; `default` for the database's own. */
  readonly collation: CollationRow | null
  readonly isGenerated: boolean
  readonly isIdentity: boolean
  readonly hasDefault: boolean
  readonly defaultText: string | null
  /** The sequence that the default or identity takes its numbers from. */
  readonly sequence: SequenceRow | null
}

/** Decimal texts, because they are 64-bit integers. */
export interface SequenceRow {
  readonly start: string
  readonly increment: string
  readonly min: string
  readonly max: string
}

export interface UniqueKeyRow {
  readonly relation: number
  readonly name: string
  readonly columns: readonly string[]
}

export interface ForeignKeyRow {
  readonly relation: number
  readonly name: string
  readonly columns: readonly string[]
  readonly target: number
  readonly targetColumns: readonly string[]
}

export interface FunctionRow {
  readonly schema: string
  readonly name: string
  readonly volatility: string
  readonly isOpaque: boolean
  readonly kind: string
  readonly returnsSet: boolean
}

export interface OperatorRow {
  readonly name: string
  readonly volatility: string
  readonly isOpaque: boolean
}

export interface TypeRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly labels: readonly string[] | null
}
