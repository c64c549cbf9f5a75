import { DataSource } from 'typeorm'
import { ConfigError } from '@shardline/core'

/*
 * TypeORM hands nothing to the module that stands for `pg`: neither its options nor its entities. So the one thing that is
 * changed in TypeORM is that `DataSource.initialize` says whose it is while it makes its pool, which it does before it
 * waits for anything. DataSources with other drivers are not touched.
 */
let current: DataSource | undefined
const watched = new WeakSet<Initialize>()

type Initialize = (this: DataSource) => Promise<DataSource>

/** From now on DataSources say when they are being initialised. */
export function watchDataSources(): void {
  const { prototype } = DataSource
  const own: Initialize = Reflect.get<DataSource, 'initialize'>(prototype, 'initialize')
  if (watched.has(own)) return
  const initialize: Initialize = function () {
    return duringInitialize(this, () => own.call(this))
  }
  watched.add(initialize)
  prototype.initialize = initialize
}

function duringInitialize(
  dataSource: DataSource,
  initialize: () => Promise<DataSource>,
): Promise<DataSource> {
  current = dataSource
  try {
    return initialize()
  } finally {
    current = undefined
  }
}

/**
 * The DataSource whose pool is being made.
 * @throws ConfigError DEPENDENCY_UNSUPPORTED when another copy of TypeORM asks
 */
export function dataSourceBeingInitialized(): DataSource {
  if (current !== undefined && typeof current.driver?.afterConnect === 'function') return current
  throw new ConfigError(
    'DEPENDENCY_UNSUPPORTED',
    'The DataSource that uses typeormDriver() is not of the copy of typeorm that @shardline/typeorm-driver has loaded, or not of a version it knows (0.3.31 or 1.1). Install one copy of it: `npm ls typeorm` shows them.',
  )
}
