import type { Router } from '@shardline/core'
import { prepareDataSource } from './data-source.ts'
import { DriverPool } from './driver-pool.ts'
import { whenDataSourceIsReady } from './typeorm-internals.ts'

/** What TypeORM takes as `driver` in place of the module `pg`. */
export interface TypeormDriver {
  readonly Pool: new () => DriverPool
}

/**
 * The driver of a data source over the router: `new DataSource({ type: 'postgres', driver: typeormDriver(router), entities })`.
 * Connection options are not needed: the cluster's description has them. Destroying the data source leaves the router alone.
 *
 * While the data source is initialised the annotations of its entities are described to the router. `synchronize`,
 * `runMigrations` and the other changes of the schema run on every shard.
 *
 * @throws ConfigError DEPENDENCY_UNSUPPORTED for a version of TypeORM outside of the peer range
 */
export function typeormDriver(router: Router): TypeormDriver {
  const driver: TypeormDriver = {
    Pool: class extends DriverPool {
      constructor() {
        super(router)
      }
    },
  }
  whenDataSourceIsReady(driver, async (dataSource, own) => {
    prepareDataSource(dataSource, router)
    // Extensions are created on every shard. Inside of `eachShard` there is but one.
    if (router.context?.shard === undefined) await router.eachShard(own)
    else await own()
  })
  return driver
}
