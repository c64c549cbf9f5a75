import type { EntitySchema } from 'typeorm'
import type { EntityTable, ReferenceTable, TenantTable, TimeTable, UnshardedTable } from '@shardline/core'
import { replaceAnnotations } from './annotations.ts'

/** Properties of an entity that may be its shard key: never null or undefined, and a scalar. */
export type KeyPropertyOf<Entity> = PropertyOf<Entity, string | number | bigint | Date>

/** Properties that may be the key of the time strategy. */
export type TimePropertyOf<Entity> = PropertyOf<Entity, Date | string>

/** Properties that may be routable ids: bigint as TypeORM reads it, or uuid. */
export type RoutablePropertyOf<Entity> = PropertyOf<Entity, string | number | bigint>

type PropertyOf<Entity, Scalar> = {
  [P in keyof Entity & string]: Entity[P] extends Scalar ? P : never
}[keyof Entity & string]

/** Where the rows of an entity live, by its properties. */
export type EntityDescription<Entity> =
  | TenantTable<KeyPropertyOf<Entity>, RoutablePropertyOf<Entity>>
  | EntityTable<KeyPropertyOf<Entity>, RoutablePropertyOf<Entity>>
  | TimeTable<TimePropertyOf<Entity>>
  | ReferenceTable
  | UnshardedTable

/**
 * The same EntitySchema, described: `sharded(new EntitySchema<Order>({ … }), tenant('tenantId', { routable: ['id'] }))`.
 * Names are those of properties.
 */
export function sharded<Entity, Schema extends EntitySchema<Entity>>(
  schema: Schema & EntitySchema<Entity>,
  description: NoInfer<EntityDescription<Entity>>,
): Schema {
  const annotations = replaceAnnotations(schema.options.target ?? schema.options.name)
  switch (description.strategy) {
    case 'reference':
    case 'unsharded':
      annotations.whole = description.strategy
      break
    case 'time':
      annotations.keys.set(description.column, {
        strategy: 'time',
        options: { every: description.every, group: description.group },
      })
      break
    case 'entity':
      annotations.keys.set(description.column, { strategy: 'entity', options: { group: description.group } })
      description.routable?.forEach((property) => annotations.routable.add(property))
      break
    case 'tenant': {
      const { group, guard } = description
      annotations.keys.set(description.column, { strategy: 'tenant', options: { group, guard } })
      description.routable?.forEach((property) => annotations.routable.add(property))
    }
  }
  return schema
}
