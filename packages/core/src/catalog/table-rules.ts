/** The configuration's say about one table, resolved: column names as SQL spells them. */
export type TableRule =
  | { readonly strategy: 'reference' }
  | { readonly strategy: 'unsharded' }
  | {
      readonly strategy: 'tenant' | 'entity' | 'time'
      readonly column: string
      readonly group: string
      readonly isGuarded: boolean
      readonly every?: 'hour' | 'day' | 'week' | 'month' | 'year'
      /** Columns whose ids carry the bucket. */
      readonly routable?: readonly string[]
    }

/** What catalogs are judged against. */
export interface CatalogExpectation {
  readonly keyspaces: readonly KeyspaceExpectation[]
  /** User functions, as `schema.name`, that the configuration declares to touch nothing but their own shard's rows. */
  readonly localFunctions: ReadonlySet<string>
}

export interface KeyspaceExpectation {
  readonly name: string
  /** Shard names, home first or anywhere; `home` names the one with the unsharded tables. */
  readonly shards: readonly string[]
  readonly home: string
  /** By `schema.name`. */
  readonly tables: ReadonlyMap<string, TableRule>
}
