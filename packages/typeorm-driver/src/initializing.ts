import { DataSource } from 'typeorm'
import { ConfigError } from '@shardline/core'

type Initialize = (this: DataSource) => Promise<DataSource>

/*
 * TypeORM hands nothing to the module that stands for `pg`: neither its options nor its entities. So the one thing that is
 * changed in TypeORM is that `DataSource.initialize` tells of itself first, when its driver is one of ours. DataSources
 * with other drivers are not touched.
 */
// By the pool class: frameworks copy options, and the driver with them.
const begins = new WeakMap<object, (dataSource: DataSource) => void>()
const watching = new WeakSet<Initialize>()

/** Calls `begin` with every DataSource that would use `Pool`, before it connects; what `begin` throws is its rejection. */
export function whenInitializing(Pool: object, begin: (dataSource: DataSource) => void): void {
  begins.set(Pool, begin)
  const { prototype } = DataSource
  const own: Initialize = Reflect.get<DataSource, 'initialize'>(prototype, 'initialize')
  if (watching.has(own)) return
  const initialize: Initialize = async function () {
    beginOf(this)?.(this)
    return own.call(this)
  }
  watching.add(initialize)
  prototype.initialize = initialize
}

function beginOf({ options }: DataSource): ((dataSource: DataSource) => void) | undefined {
  const { driver } = options as { readonly driver?: { readonly Pool?: unknown } | null }
  return typeof driver?.Pool === 'function' ? begins.get(driver.Pool) : undefined
}

/** Thrown where a DataSource that has told nothing of itself asks for a pool. */
export function unknownTypeorm(): ConfigError {
  return new ConfigError(
    'DEPENDENCY_UNSUPPORTED',
    'The DataSource that uses typeormDriver() is not of the copy of typeorm that @shardline/typeorm-driver has loaded, or not of a version it knows (0.3.31 or 1.1). Install one copy of it: `npm ls typeorm` shows them.',
  )
}
