import { ShardlineError, type Router } from '@shardline/core'
import { typeormDriver } from '@shardline/typeorm-driver'
import pg from 'pg'
import { DataSource, QueryFailedError } from 'typeorm'
import type { Application, Operations, Orm, TransactionOptions } from '../application.ts'
import { describePostgresError } from '../harness/describe-error.ts'
import { plainPool } from '../harness/plain-pool.ts'
import { OrderRow, entities } from './entities.ts'
import { TypeormOperations } from './operations.ts'
import { toOrder } from './rows.ts'

const isolations = {
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const

class TypeormApplication extends TypeormOperations implements Application {
  readonly #dataSource: DataSource

  constructor(dataSource: DataSource) {
    super(dataSource.manager)
    this.#dataSource = dataSource
  }

  transaction<T>(
    body: (transaction: Operations) => Promise<T>,
    { isolation }: TransactionOptions = {},
  ): Promise<T> {
    const run = (manager: DataSource['manager']) => body(new TypeormOperations(manager))
    return isolation === undefined
      ? this.#dataSource.transaction(run)
      : this.#dataSource.transaction(isolations[isolation], run)
  }

  hinted(): Operations {
    throw new Error('TypeORM has no hints')
  }

  async *streamOrders(tenantId: number | undefined) {
    const query = this.#dataSource.createQueryBuilder(OrderRow, 'o').orderBy('o.id')
    if (tenantId !== undefined) query.where('o.tenantId = :tenantId', { tenantId })
    const runner = this.#dataSource.createQueryRunner('slave')
    try {
      for await (const row of await query.setQueryRunner(runner).stream()) {
        const raw = row as unknown as Record<string, never>
        yield toOrder({
          id: raw.o_id,
          tenantId: raw.o_tenant_id,
          customerId: raw.o_customer_id,
          status: raw.o_status,
          total: raw.o_total,
          note: raw.o_note,
          placedAt: raw.o_placed_at,
          meta: raw.o_meta,
        } as unknown as OrderRow)
      }
    } finally {
      await runner.release()
    }
  }

  prepareOrderById(): never {
    throw new Error('TypeORM has no prepared statements')
  }

  describeError(error: unknown) {
    if (!(error instanceof QueryFailedError)) return describePostgresError(error)
    const driver = describePostgresError(error.driverError)
    const own = describePostgresError(error)
    // The query differs in one thing: it reads routable ids back.
    return { ...own, fields: { ...own.fields, driver } }
  }

  refusalIn(error: unknown) {
    const inner = error instanceof QueryFailedError ? error.driverError : error
    return inner instanceof ShardlineError ? inner : undefined
  }

  async end() {
    if (this.#dataSource.isInitialized) await this.#dataSource.destroy()
  }
}

export function typeormOrm(version: string): Orm {
  return {
    name: 'typeorm',
    version,
    unsupported: {
      'read-only': 'TypeORM transactions have no access mode',
      'hint-primary': 'TypeORM queries have no hints; router.run gives them a context',
      'hint-tenant': 'TypeORM queries have no hints; router.run gives them a context',
      prepared: 'TypeORM has no prepared statements',
    },
    async open(router: Router) {
      const dataSource = new DataSource({ type: 'postgres', driver: typeormDriver(router), entities })
      return new TypeormApplication(await dataSource.initialize())
    },
    async openPlain(url) {
      // The suite's own pool, which listens for what becomes of its sessions.
      class Pool extends pg.Pool {
        constructor() {
          super()
          return plainPool(url)
        }
      }
      const dataSource = new DataSource({ type: 'postgres', driver: { ...pg, Pool }, entities })
      return new TypeormApplication(await dataSource.initialize())
    },
  }
}
