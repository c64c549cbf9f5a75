import type { EntityOptions, TenantOptions, TimeOptions } from '@shardline/core'
import { annotate, annotateWhole, type KeyAnnotation } from './annotations.ts'

/** Options of a shard key without `routable`, which is said by `@RoutableId()` at the property. */
type KeyOptions<Options> = Omit<Options, 'routable'>

/**
 * Marks the property (a column, or the relation with the join column) by which the rows of an entity are placed.
 * Beside TypeORM's own decorators, in any order; also in an abstract base or an embedded class.
 *
 * ```ts
 * @Entity()
 * class Order {
 *   @ShardKey.tenant()
 *   @Column()
 *   tenantId!: number
 * }
 * ```
 */
export const ShardKey = {
  /** Rows lie on the shard of their tenant. */
  tenant: (options: KeyOptions<TenantOptions> = {}) => keyDecorator({ strategy: 'tenant', options }),
  /** Rows lie on the shard of their entity. */
  entity: (options: KeyOptions<EntityOptions> = {}) => keyDecorator({ strategy: 'entity', options }),
  /** Rows lie on the shard of the period that their time falls into: `@ShardKey.time({ every: 'month' })`. */
  time: (options: TimeOptions) => keyDecorator({ strategy: 'time', options }),
} as const

function keyDecorator(annotation: KeyAnnotation): PropertyDecorator {
  return (prototype, property) => {
    annotate(prototype.constructor).keys.set(String(property), annotation)
  }
}

/**
 * Marks a bigint or uuid column whose values carry the bucket of the shard key, so that loading, updating and removing by it
 * go to one shard. The database fills it (`router.install()`); TypeORM reads it back as it does generated columns.
 */
export function RoutableId(): PropertyDecorator {
  return (prototype, property) => {
    annotate(prototype.constructor).routable.add(String(property))
  }
}

/** The entity's table is whole on every shard: reads go anywhere, writes go everywhere. */
export function Reference(): ClassDecorator {
  return (entity) => annotateWhole(entity, 'reference', entity.name)
}

/** The entity's table lives on the home shard, as tables that are not annotated do. */
export function Unsharded(): ClassDecorator {
  return (entity) => annotateWhole(entity, 'unsharded', entity.name)
}
