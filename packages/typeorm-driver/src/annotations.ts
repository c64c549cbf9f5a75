import { ConfigError, type EntityOptions, type TenantOptions, type TimeOptions } from '@shardline/core'

/** What a decorator says of one property of an entity. */
export type KeyAnnotation =
  | { readonly strategy: 'tenant'; readonly options: TenantOptions }
  | { readonly strategy: 'entity'; readonly options: EntityOptions }
  | { readonly strategy: 'time'; readonly options: TimeOptions }

/** All that is said of one class, or of one EntitySchema, by itself: bases and embedded classes say their own. */
export interface EntityAnnotations {
  /** Shard keys by property; more than one is refused when the data source is initialised. */
  readonly keys: Map<string, KeyAnnotation>
  readonly routable: Set<string>
  whole: 'reference' | 'unsharded' | undefined
}

/** A class, or the name of an entity that is an EntitySchema without one. */
export type EntityTarget = object | string

const ofClasses = new WeakMap<object, EntityAnnotations>()
const ofNames = new Map<string, EntityAnnotations>()

/** The annotations of a target, for reading. */
export function annotationsOf(target: EntityTarget): EntityAnnotations | undefined {
  return typeof target === 'string' ? ofNames.get(target) : ofClasses.get(target)
}

/** The annotations of a target, to add to. */
export function annotate(target: EntityTarget): EntityAnnotations {
  const known = annotationsOf(target)
  if (known !== undefined) return known
  const fresh: EntityAnnotations = { keys: new Map(), routable: new Set(), whole: undefined }
  if (typeof target === 'string') ofNames.set(target, fresh)
  else ofClasses.set(target, fresh)
  return fresh
}

/** An EntitySchema is described as a whole: what was said of its name before does not count any more. */
export function replaceAnnotations(target: EntityTarget): EntityAnnotations {
  if (typeof target === 'string') ofNames.delete(target)
  else ofClasses.delete(target)
  return annotate(target)
}

export function annotateWhole(target: EntityTarget, whole: 'reference' | 'unsharded', name: string): void {
  const annotations = annotate(target)
  if (annotations.whole !== undefined && annotations.whole !== whole)
    throw new ConfigError(
      'CONFIG_CONFLICT',
      `Entity "${name}" is described as reference and as unsharded. Keep one of the two.`,
    )
  annotations.whole = whole
}
