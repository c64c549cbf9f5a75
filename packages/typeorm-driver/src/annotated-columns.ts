import type { DataSource, EntityMetadata } from 'typeorm'
import { ConfigError } from '@shardline/core'
import { annotationsOf, type Annotations, type KeyAnnotation } from './annotations.ts'
import { shardedSchemas } from './sharded.ts'

export type ColumnMetadata = EntityMetadata['columns'][number]
type EmbeddedMetadata = EntityMetadata['embeddeds'][number]

/** A column that something was said of. `name` is the entity with the property, for messages. */
export interface AnnotatedColumn {
  readonly name: string
  readonly column: ColumnMetadata
}

/** All that was said of one entity, by whichever class or schema, with its columns found. */
export interface AnnotatedEntity {
  readonly metadata: EntityMetadata
  readonly keys: readonly (AnnotatedColumn & { readonly key: KeyAnnotation })[]
  readonly routable: readonly AnnotatedColumn[]
  readonly whole: Annotations['whole']
}

/**
 * Finds what decorators and `sharded` have said of an entity. Columns keep the class that declares them: the parent for
 * inherited ones, the embedded class for embedded ones.
 * @throws ConfigError CONFIG_INVALID for a property that is no column
 */
export function annotatedEntity(dataSource: DataSource, metadata: EntityMetadata): AnnotatedEntity {
  const keys: AnnotatedEntity['keys'][number][] = []
  const routable: AnnotatedColumn[] = []
  let whole: Annotations['whole']
  for (const { annotations, properties } of sources(dataSource, metadata)) {
    for (const { property, key } of annotations.keys) {
      for (const found of columnsOf(metadata, properties, property)) keys.push({ ...found, key })
    }
    for (const property of annotations.routable) routable.push(...columnsOf(metadata, properties, property))
    whole ??= annotations.whole
  }
  return { metadata, keys: distinct(keys), routable: distinct(routable), whole }
}

interface Source {
  readonly annotations: Annotations
  /** Where its properties are: at the entity itself (also by path), or at its embedded objects of one class. */
  readonly properties: readonly (EmbeddedMetadata | undefined)[]
}

function sources(dataSource: DataSource, metadata: EntityMetadata): Source[] {
  const found: Source[] = []
  const add = (target: unknown, properties: Source['properties']): void => {
    const annotations = isObject(target) ? annotationsOf(target) : undefined
    if (annotations !== undefined) found.push({ annotations, properties })
  }
  for (const target of metadata.inheritanceTree) add(target, [undefined])
  const schema = schemaOf(dataSource, metadata)
  if (schema !== undefined) add(schema, [undefined])
  const byClass = Map.groupBy(
    metadata.allEmbeddeds.flatMap((embedded) =>
      lineage(embedded.type).map((target) => ({ target, embedded })),
    ),
    ({ target }) => target,
  )
  for (const [target, uses] of byClass) {
    add(target, uses.map(({ embedded }) => embedded)) // prettier-ignore
  }
  return found
}

/** Schemas are found as TypeORM itself finds them: the one that was handed over, or by the name that entities have. */
function schemaOf(dataSource: DataSource, metadata: EntityMetadata): object | undefined {
  const isOf = (schema: {
    readonly options: { readonly target?: unknown; readonly name?: string }
  }): boolean => (schema.options.target ?? schema.options.name) === metadata.target
  const { entities = [] } = dataSource.options
  const given: unknown[] = Array.isArray(entities) ? entities : Object.values(entities)
  const schemas = [...shardedSchemas()].filter(isOf)
  return schemas.find((schema) => given.includes(schema)) ?? (hasNames(given) ? schemas.at(-1) : undefined)
}

/** Paths of files that hold entities; what is in them is not to be seen from here. */
function hasNames(entities: readonly unknown[]): boolean {
  return entities.some((entity) => typeof entity === 'string')
}

function columnsOf(
  metadata: EntityMetadata,
  properties: Source['properties'],
  property: string,
): AnnotatedColumn[] {
  return properties.map((embedded) => {
    const path = embedded === undefined ? property : `${embedded.propertyPath}.${property}`
    const name = `${metadata.name}.${path}`
    const relation = metadata.relations.find(({ propertyPath }) => propertyPath === path)
    if (relation !== undefined) {
      const [column, another] = relation.joinColumns
      if (column !== undefined && another === undefined) return { name, column }
      throw new ConfigError(
        'CONFIG_INVALID',
        `${name} is a relation ${column === undefined ? 'without a join column of its own' : 'over several join columns'}, and a shard key or routable id is one column. Annotate the property of that column.`,
      )
    }
    const column = metadata.columns.find(({ propertyPath }) => propertyPath === path)
    if (column !== undefined) return { name, column }
    throw new ConfigError(
      'CONFIG_INVALID',
      `${name} has a shard key or routable id on it, and is no column of the entity. Add @Column(), or correct the name.`,
    )
  })
}

/** Said of a parent and again of its child is said once. */
function distinct<T extends AnnotatedColumn>(found: readonly T[]): T[] {
  const byColumn = new Map<string, T>()
  for (const one of found) {
    const key = `${one.column.databaseName} ${JSON.stringify('key' in one ? one.key : null)}`
    if (!byColumn.has(key)) byColumn.set(key, one)
  }
  return [...byColumn.values()]
}

function lineage(type: unknown): object[] {
  const classes: object[] = []
  for (let one: unknown = type; typeof one === 'function' && one !== Function.prototype; one = Object.getPrototypeOf(one)) classes.push(one) // prettier-ignore
  return classes
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
