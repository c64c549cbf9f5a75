/**
 * The one place that reaches into TypeORM. The `driver` option stands for the `pg` module and never sees the data
 * source, so what TypeORM does after it has built its metadata (`Driver.afterConnect`, part of its Driver interface)
 * is where annotations can take effect.
 */
import type { DataSource, EntityMetadata } from 'typeorm'
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js'
import { CheckMetadata } from 'typeorm/metadata/CheckMetadata.js'
import { ConfigError } from '@shardline/core'

/** Called with the data source, and what TypeORM itself would do then. */
export type WhenReady = (dataSource: DataSource, own: () => Promise<void>) => Promise<void>

const watched = new WeakMap<object, WhenReady>()
let isHooked = false

/** Calls back when a data source whose `driver` option is this object has its metadata. */
export function whenDataSourceIsReady(driverModule: object, callback: WhenReady): void {
  watched.set(driverModule, callback)
  if (!isHooked) hook()
}

interface DriverInternals {
  readonly options: { readonly driver?: unknown }
  /** TypeORM 1. */
  readonly dataSource?: DataSource
  /** TypeORM 0.3. */
  readonly connection?: DataSource
}

function hook(): void {
  const prototype = (PostgresDriver as { readonly prototype?: { afterConnect?: unknown } } | undefined)
    ?.prototype
  const own = prototype?.afterConnect
  if (prototype === undefined || typeof own !== 'function' || typeof CheckMetadata !== 'function')
    throw unsupported()
  isHooked = true
  prototype.afterConnect = function afterConnect(this: DriverInternals): Promise<void> {
    const { driver } = this.options
    const callback = typeof driver === 'object' && driver !== null ? watched.get(driver) : undefined
    const asItWas = (): Promise<void> => own.call(this) as Promise<void>
    if (callback === undefined) return asItWas()
    const dataSource = this.dataSource ?? this.connection
    if (dataSource === undefined || !Array.isArray(dataSource.entityMetadatas)) throw unsupported()
    return callback(dataSource, asItWas)
  }
}

function unsupported(): ConfigError {
  return new ConfigError(
    'DEPENDENCY_UNSUPPORTED',
    'This version of typeorm is built otherwise than those that @shardline/typeorm-driver knows. Use a version within its peer range.',
  )
}

/** Lets TypeORM's schema builder know of a CHECK constraint by its name, which is all that it compares. */
export function addCheck(entityMetadata: EntityMetadata, name: string): void {
  if (entityMetadata.checks.some((check) => check.name === name)) return
  const check = new CheckMetadata({
    entityMetadata,
    args: { target: entityMetadata.target, name, expression: 'true' },
  })
  check.name = name
  entityMetadata.checks.push(check)
}
