import { annotationsFor, decoratedProperty } from './annotations.ts'
import type { GroupAnnotation, KeyAnnotation, TenantAnnotation, TimeAnnotation } from './annotations.ts'

function keyDecorator(name: string, key: KeyAnnotation): PropertyDecorator {
  return (target, property) => {
    const decorated = decoratedProperty(target, property, `@ShardKey.${name}()`)
    annotationsFor(target.constructor).keys.push({ property: decorated, key })
  }
}

/**
 * Says which property decides where an entity's rows live: `@ShardKey.tenant() @Column() tenantId: number`.
 *
 * It stands beside `@Column`, `@PrimaryColumn` or `@ManyToOne` (with one join column), on an entity, on an abstract
 * parent or on an embedded class; the column is NOT NULL. What is wrong with it is told by `DataSource.initialize()`, as
 * a ConfigError that names the entity and the property.
 */
export const ShardKey = {
  /** Rows lie on the shard of their tenant. All tables of this strategy form one group unless a `group` is named. */
  tenant: (options: TenantAnnotation = {}): PropertyDecorator =>
    keyDecorator('tenant', { strategy: 'tenant', ...options }),
  /** Rows lie on the shard of their entity; each table is a group of its own unless a `group` is named. */
  entity: (options: GroupAnnotation = {}): PropertyDecorator =>
    keyDecorator('entity', { strategy: 'entity', ...options }),
  /** Rows lie on the shard of the period their time falls into: `@ShardKey.time({ every: 'month' })`. */
  time: (options: TimeAnnotation): PropertyDecorator =>
    keyDecorator('time', { strategy: 'time', ...options }),
} as const

/** The entity's table is whole on every shard: reads go anywhere, writes go everywhere. */
export function Reference(): ClassDecorator {
  return (target) => {
    annotationsFor(target).whole = 'reference'
  }
}

/** The entity's table lives on the home shard, as tables that are not annotated do. */
export function Unsharded(): ClassDecorator {
  return (target) => {
    annotationsFor(target).whole = 'unsharded'
  }
}

/**
 * The column's ids carry the bucket of their row's shard key, so that a condition on the id alone proves the shard:
 * `@RoutableId() @PrimaryColumn({ type: 'bigint' }) id: string`, or `type: 'uuid'`.
 *
 * Ids that are left out are made by the database (`router.install()` puts the trigger there, and `synchronize` calls
 * it) and come back in the saved entity; `router.id()` and `router.uuid()` make them beforehand.
 */
export function RoutableId(): PropertyDecorator {
  return (target, property) => {
    annotationsFor(target.constructor).routable.push(decoratedProperty(target, property, '@RoutableId()'))
  }
}
