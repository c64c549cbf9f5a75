import { ShardlineError, type RouteContext, type Router } from '@shardline/core'
import { shardlinePlugin, type ShardlinePlugin } from '@shardline/kysely-plugin'
import { Kysely, PostgresDialect, type Selectable } from 'kysely'
import Cursor from 'pg-cursor'
import type { Application, Operations, Orm, TransactionOptions } from '../application.ts'
import { tables } from '../domain/schema.ts'
import { describePostgresError } from '../harness/describe-error.ts'
import { plainPool } from '../harness/plain-pool.ts'
import type { Database, OrdersTable } from './database.ts'
import { KyselyOperations } from './operations.ts'
import { toOrder } from './rows.ts'

class KyselyApplication extends KyselyOperations implements Application {
  readonly #shardline: ShardlinePlugin | undefined

  constructor(db: Kysely<Database>, shardline?: ShardlinePlugin) {
    super(db)
    this.#shardline = shardline
  }

  async transaction<T>(
    body: (transaction: Operations) => Promise<T>,
    { isolation, isReadOnly }: TransactionOptions = {},
  ): Promise<T> {
    let begin = this.db.startTransaction()
    if (isolation !== undefined) begin = begin.setIsolationLevel(isolation)
    if (isReadOnly !== undefined) begin = begin.setAccessMode(isReadOnly ? 'read only' : 'read write')
    const trx = await begin.execute()
    try {
      const result = await body(new KyselyOperations(trx))
      await trx.commit().execute()
      return result
    } catch (error) {
      if (!trx.isCommitted) await trx.rollback().execute()
      throw error
    }
  }

  hinted(context: RouteContext): Operations {
    return this.#shardline === undefined
      ? this
      : new KyselyOperations(this.db.withPlugin(this.#shardline.hint(context)))
  }

  async *streamOrders(tenantId: number | undefined, batchSize: number) {
    const all = this.db.selectFrom('orders').selectAll().orderBy('id')
    const query = tenantId === undefined ? all : all.where('tenant_id', '=', tenantId)
    for await (const row of query.stream(batchSize)) yield toOrder(row)
  }

  prepareOrderById() {
    const query = this.db.selectFrom('orders').selectAll().where('id', '=', '0').compile()
    return async (id: bigint) => {
      const { rows } = await this.db.executeQuery<Selectable<OrdersTable>>({
        ...query,
        parameters: [String(id)],
      })
      return rows[0] && toOrder(rows[0])
    }
  }

  describeError(error: unknown) {
    return describePostgresError(error)
  }

  refusalIn(error: unknown) {
    return error instanceof ShardlineError ? error : undefined
  }

  end() {
    return this.db.destroy()
  }
}

export function kyselyOrm(version: string): Orm {
  return {
    name: 'kysely',
    version,
    unsupported: {},
    async open(router: Router) {
      const shardline = shardlinePlugin<Database>(router, { tables })
      const db = new Kysely<Database>({ dialect: shardline.dialect(), plugins: [shardline] })
      return new KyselyApplication(db, shardline)
    },
    async openPlain(url) {
      const dialect = new PostgresDialect({ pool: plainPool(url), cursor: Cursor })
      return new KyselyApplication(new Kysely<Database>({ dialect }))
    },
  }
}
