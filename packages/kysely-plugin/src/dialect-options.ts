import type { DatabaseConnection } from 'kysely'

export interface ShardlineDialectOptions {
  /**
   * Called each time Kysely reserves a connection, before its first query. A statement that changes the session
   * here binds the connection to one server. When it throws, the connection is closed.
   */
  readonly onReserveConnection?: (
    connection: DatabaseConnection,
    options?: { readonly signal?: AbortSignal | undefined },
  ) => Promise<void>
  /**
   * True when `db.destroy()` also ends the router, for an application with one `Kysely` and nothing else on the
   * router. Default false: whoever made the router ends it, since other instances may use it.
   */
  readonly endsRouter?: boolean
}
