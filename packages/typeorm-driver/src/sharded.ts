import type { EntitySchema } from 'typeorm'
import type { TableDescription } from '@shardline/core'
import { annotationsFor } from './annotations.ts'

const schemas = new Set<EntitySchema<unknown>>()

/** Properties of an entity that can be keys: scalars that cannot be null. */
export type KeyProperty<Entity> = PropertyLike<Entity, string | number | bigint | Date>

/** Properties that hold ids of 63 bits or uuids: TypeORM reads both as text. */
export type IdProperty<Entity> = PropertyLike<Entity, string | bigint>

type PropertyLike<Entity, Value> = {
  [Key in keyof Entity & string]-?: [Entity[Key]] extends [Value] ? Key : never
}[keyof Entity & string]

/**
 * Says where the rows of an `EntitySchema` live, and returns the same schema:
 * `sharded(new EntitySchema<Order>({ … }), tenant('tenantId', { routable: ['id'] }))`.
 *
 * Columns are named by their properties. One that the entity does not have, or that may be null, does not compile.
 */
export function sharded<Entity>(
  schema: EntitySchema<Entity>,
  description: TableDescription<NoInfer<KeyProperty<Entity>>, NoInfer<IdProperty<Entity>>>,
): EntitySchema<Entity> {
  const annotations = annotationsFor(schema)
  annotations.keys.length = 0
  annotations.routable.length = 0
  annotations.whole = undefined
  if (description.strategy === 'reference' || description.strategy === 'unsharded') {
    annotations.whole = description.strategy
  } else if (description.strategy === 'time') {
    const { column, ...key } = description
    annotations.keys.push({ property: column, key })
  } else {
    const { column, routable = [], ...key } = description
    annotations.keys.push({ property: column, key })
    annotations.routable.push(...routable)
  }
  schemas.add(schema)
  return schema
}

/** Every schema of this process that `sharded` has seen. */
export function shardedSchemas(): ReadonlySet<EntitySchema<unknown>> {
  return schemas
}
