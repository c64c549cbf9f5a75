import type { DataSource } from 'typeorm'
import type { RoutedPool, Router } from '@shardline/core'
import { describeEntities, type Described } from './describe-entities.ts'
import { isSingleServer, onEveryShard } from './every-shard.ts'
import { cacheByContext } from './result-cache.ts'
import { spreadSchemaWork } from './schema-work.ts'

/** What TypeORM's driver has for `createQueryRunner('slave')`. */
interface ReplicatedDriver {
  isReplicated: boolean
  slaves: RoutedPool[]
}

const attached = new WeakSet<DataSource>()

/** Makes a DataSource that is about to connect work on the cluster; `replicas` makes a pool that reads replicas only. */
export function attach(dataSource: DataSource, router: Router, replicas: () => RoutedPool): void {
  // It may be initialised again once it was destroyed, with another cache.
  const cache = dataSource.queryResultCache
  if (cache !== undefined) dataSource.queryResultCache = cacheByContext(cache, router)
  if (attached.has(dataSource)) return
  attached.add(dataSource)
  const { driver } = dataSource
  let described: Described | undefined

  spreadSchemaWork(dataSource, router, { hasRoutableIds: () => described?.hasRoutableIds === true })

  // By now the metadata are built, and nothing has been made or asked of the tables.
  const afterConnect = driver.afterConnect.bind(driver)
  driver.afterConnect = async () => {
    described = describeEntities(dataSource, router)
    // It creates extensions.
    await onEveryShard(router, afterConnect)
    if (!isSingleServer(router)) giveReplicas(driver as unknown as ReplicatedDriver, replicas())
  }
  if (isSingleServer(router)) return
  // TypeORM would ask for a replica whenever it reads. Where reads go is the router's to say, which knows what is
  // fresh enough; a replica and nothing else is what `createQueryRunner('slave')` means.
  dataSource.defaultReplicationModeForReads = () => 'master'
}

function giveReplicas(driver: ReplicatedDriver, pool: RoutedPool): void {
  driver.isReplicated = true
  driver.slaves = [pool]
}
