import type { DataSource } from 'typeorm'
import type { RoutedClient, RoutedPool, Router } from '@shardline/core'
import { attach } from './attach.ts'
import { dataSourcePool } from './data-source-pool.ts'
import { unknownTypeorm, whenInitializing } from './initializing.ts'
import { refuseOptions } from './refuse-options.ts'

/** What TypeORM takes as the `driver` of a `postgres` DataSource: it stands for the module `pg`. */
export interface TypeormDriver {
  readonly Pool: new (options?: object) => RoutedPool
  /** TypeORM sets its option `parseInt8` here; it holds for the DataSources with this driver. */
  readonly defaults: { parseInt8: boolean }
}

export interface TypeormDriverOptions {
  /** `DataSource.destroy()` ends the router as well. Default false: whoever made the router ends it. */
  readonly endRouter?: boolean | undefined
}

/**
 * The `driver` of a DataSource whose statements go through the router:
 * `new DataSource({ type: 'postgres', driver: typeormDriver(router), entities: [Order] })`.
 *
 * Shard keys, routable ids and reference tables that the entities are annotated with are made known to the router when
 * the DataSource is initialised. Migrations, `synchronize` and extensions reach every shard. Where the servers are is
 * said by the cluster: `url` and `host` are not needed.
 *
 * @throws ConfigError (from `initialize`) CONFIG_INVALID for wrong annotations, CONFIG_CONFLICT when the cluster describes
 * a table otherwise, CATALOG_MISMATCH when the servers contradict, UNSUPPORTED_OPTION for `replication` and for pool
 * options that the cluster has, DEPENDENCY_UNSUPPORTED when typeorm is installed twice
 */
export function typeormDriver(
  router: Router,
  { endRouter = false }: TypeormDriverOptions = {},
): TypeormDriver {
  let parseInt8 = false
  let begun: DataSource | undefined
  const preparing =
    ({ options, logger }: DataSource) =>
    (client: RoutedClient): void => {
      if (parseInt8) parseIntegers(client)
      if ('logNotifications' in options && options.logNotifications) logNotifications(client, logger)
    }
  const onEnd = async (): Promise<void> => {
    if (endRouter && !router.pool.ending) await router.end()
  }
  const Pool = function Pool(): RoutedPool {
    if (begun === undefined) throw unknownTypeorm()
    return dataSourcePool(router, { onEnd, prepare: preparing(begun) })
  }
  const driver: TypeormDriver = {
    Pool: Pool as unknown as TypeormDriver['Pool'],
    defaults: {
      get parseInt8() {
        return parseInt8
      },
      set parseInt8(isOn) {
        parseInt8 = isOn
      },
    },
  }
  whenInitializing(driver.Pool, (dataSource) => {
    refuseOptions(dataSource.options)
    const replicas = (): RoutedPool =>
      dataSourcePool(router, {
        context: { role: 'replica' },
        onEnd: async () => {},
        prepare: preparing(dataSource),
      })
    attach(dataSource, router, replicas)
    // It makes its pool before it waits for anything.
    begun = dataSource
  })
  return driver
}

/** As `pg.defaults.parseInt8` for columns of type int8, for one lease. */
function parseIntegers(client: RoutedClient): void {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum has no values at run time
  client.setTypeParser(20, 'text', (value: string) => Number.parseInt(value, 10))
}

/** As TypeORM does with the first connection of a pool, which is all it gets to see; leases are told of theirs alone. */
function logNotifications(client: RoutedClient, logger: DataSource['logger']): void {
  client.on('notice', ({ message }) => {
    if (message !== undefined) logger.log('info', message)
  })
  client.on('notification', ({ channel, payload }) => {
    logger.log('info', `Received NOTIFY on channel ${channel}: ${payload}.`)
  })
}
