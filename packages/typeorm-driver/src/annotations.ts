import { ConfigError, type Guard, type Period } from '@shardline/core'

export interface GroupAnnotation {
  /** Colocation group: rows of its tables with equal keys lie on one shard. Default: by the strategy. */
  readonly group?: string | undefined
}

export interface TenantAnnotation extends GroupAnnotation {
  /** `required` refuses statements that do not prove a tenant. Default: the cluster's `guard`. */
  readonly guard?: Guard | undefined
}

export interface TimeAnnotation extends GroupAnnotation {
  /** Length of a period, in UTC; weeks are ISO weeks. Rows of one period lie on one shard. */
  readonly every: Period
}

/** A shard key without its column, which is a property of TypeORM's until the metadata are built. */
export type KeyAnnotation =
  | ({ readonly strategy: 'tenant' } & TenantAnnotation)
  | ({ readonly strategy: 'entity' } & GroupAnnotation)
  | ({ readonly strategy: 'time' } & TimeAnnotation)

/** What the decorators have said of one class, or `sharded` of one schema. */
export interface Annotations {
  readonly keys: { readonly property: string; readonly key: KeyAnnotation }[]
  readonly routable: string[]
  /** Whole tables: a reference table, or one that is said to be unsharded. */
  whole: 'reference' | 'unsharded' | undefined
}

// One registry for all copies of this package: a decorator may come from another one than the driver.
const registryKey = Symbol.for('shardline.typeorm.annotations')
const shared = globalThis as { [registryKey]?: WeakMap<object, Annotations> }
const registry = (shared[registryKey] ??= new WeakMap<object, Annotations>())

/** The annotations of a class or schema, to be added to. */
export function annotationsFor(target: object): Annotations {
  let found = registry.get(target)
  if (found === undefined) {
    found = { keys: [], routable: [], whole: undefined }
    registry.set(target, found)
  }
  return found
}

/** What was said of this very class or schema; its parents are asked separately. */
export function annotationsOf(target: object): Annotations | undefined {
  return registry.get(target)
}

/** @throws ConfigError CONFIG_INVALID when a decorator is used as TypeORM's cannot be, either. */
export function decoratedProperty(target: unknown, property: unknown, decorator: string): string {
  if (typeof target === 'object' && target !== null && typeof property === 'string') return property
  throw new ConfigError(
    'CONFIG_INVALID',
    `${decorator} belongs on a property of an entity, as TypeORM's own decorators do: \`experimentalDecorators\` is on, and the property is no static, private or symbol one.`,
  )
}
