import { PostgresAdapter, PostgresIntrospector } from 'kysely'
import type { DatabaseIntrospector, Dialect, DialectAdapter, Driver, Kysely, QueryCompiler } from 'kysely'
import type { Router } from '@shardline/core'
import type { ShardlineDialectOptions } from './dialect-options.ts'
import { ShardlineDriver } from './driver.ts'
import { HintPlugin } from './hint-plugin.ts'
import { ShardlineQueryCompiler } from './query-compiler.ts'

/** The dialect that runs Kysely's queries through a router. It needs no plugin beside it. */
export class ShardlineDialect implements Dialect {
  readonly #router: Router
  readonly #options: ShardlineDialectOptions

  constructor(router: Router, options: ShardlineDialectOptions = {}) {
    this.#router = router
    this.#options = { ...options }
  }

  createDriver(): Driver {
    return new ShardlineDriver(this.#router, this.#options)
  }

  createQueryCompiler(): QueryCompiler {
    return new ShardlineQueryCompiler(this.#router)
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter()
  }

  /** Reads the primary's catalogs: a replica may not have replayed a migration that has just run. */
  // oxlint-disable-next-line typescript/no-explicit-any -- Kysely's own signature
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new PostgresIntrospector(db.withPlugin(new HintPlugin(this.#router, { role: 'primary' })))
  }
}
