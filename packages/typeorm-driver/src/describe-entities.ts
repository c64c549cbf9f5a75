import type { EntityMetadata } from 'typeorm'
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js'
import {
  ConfigError,
  entity,
  reference,
  tenant,
  time,
  unsharded,
  type TableDescription,
} from '@shardline/core'
import { annotationsOf, type KeyAnnotation } from './annotations.ts'

/** An entity whose table is described, with the columns of its routable ids. */
export interface DescribedEntity {
  readonly metadata: EntityMetadata
  /** `table` or `schema.table`, as PostgreSQL names it. */
  readonly table: string
  readonly description: TableDescription
  readonly routable: readonly ColumnMetadata[]
}

/**
 * What the annotations of a data source's entities say, in PostgreSQL's names: naming strategies, embedded columns,
 * inheritance and custom names have done their work in the metadata.
 * @throws ConfigError CONFIG_INVALID or CONFIG_CONFLICT that names the entity and its property
 */
export function describeEntities(metadatas: readonly EntityMetadata[]): readonly DescribedEntity[] {
  const byTable = new Map<string, DescribedEntity>()
  for (const metadata of metadatas) {
    const described = describeEntity(metadata)
    if (described === undefined) continue
    const known = byTable.get(described.table)
    // The entities of single-table inheritance share a table: what one says holds for all.
    if (known === undefined) byTable.set(described.table, described)
    else if (JSON.stringify(known.description) !== JSON.stringify(described.description)) {
      throw new ConfigError(
        'CONFIG_CONFLICT',
        `Entities "${known.metadata.name}" and "${metadata.name}" share the table "${described.table}" and describe it differently. Annotate the common base.`,
      )
    }
  }
  return [...byTable.values()]
}

function describeEntity(metadata: EntityMetadata): DescribedEntity | undefined {
  const columns = annotatedColumns(metadata)
  const keys = columns.flatMap(({ column, key }) => (key === undefined ? [] : [{ column, key }]))
  const routable = columns.flatMap(({ column, isRoutable }) => (isRoutable ? [column] : []))
  const whole = wholeOf(metadata)
  refuseUnknown(metadata)
  const table =
    metadata.schema === undefined ? metadata.tableName : `${metadata.schema}.${metadata.tableName}`
  const [first, second] = keys
  if (first === undefined) {
    if (routable.length > 0)
      throw invalid(
        metadata,
        routable[0],
        'is a @RoutableId(), but the entity has no @ShardKey whose bucket it could carry',
      )
    if (whole === undefined) return undefined
    return { metadata, table, description: whole === 'reference' ? reference() : unsharded(), routable }
  }
  if (second !== undefined)
    throw invalid(
      metadata,
      second.column,
      `is a shard key, and so is "${first.column.propertyPath}". An entity has one`,
    )
  if (whole !== undefined)
    throw invalid(metadata, first.column, `is a shard key, but the entity is described as ${whole}`)
  const { column, key } = first
  if (column.isNullable)
    throw invalid(metadata, column, 'is a shard key, and may be NULL. Make it not nullable')
  for (const each of routable) {
    if (each === column)
      throw invalid(
        metadata,
        each,
        'is the shard key itself, whose bucket is that of its hash; it is no @RoutableId()',
      )
    if (each.isNullable)
      throw invalid(metadata, each, 'is a @RoutableId(), and may be NULL. Make it not nullable')
  }
  return { metadata, table, description: describe(column.databaseName, key, routable), routable }
}

function describe(name: string, key: KeyAnnotation, columns: readonly ColumnMetadata[]): TableDescription {
  const routable = columns.length === 0 ? undefined : columns.map(({ databaseName }) => databaseName)
  switch (key.strategy) {
    case 'tenant':
      return tenant(name, { ...given(key.options), ...given({ routable }) })
    case 'entity':
      return entity(name, { ...given(key.options), ...given({ routable }) })
    case 'time':
      return time(name, { ...key.options, ...given({ group: key.options.group }) })
  }
}

/** Without the options that are undefined. */
function given<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
}

interface AnnotatedColumn {
  readonly column: ColumnMetadata
  readonly key: KeyAnnotation | undefined
  readonly isRoutable: boolean
}

function annotatedColumns(metadata: EntityMetadata): readonly AnnotatedColumn[] {
  return metadata.columns.flatMap((column) => {
    for (const target of targetsOf(metadata, column)) {
      const annotations = annotationsOf(target)
      const key = annotations?.keys.get(column.propertyName)
      const isRoutable = annotations?.routable.has(column.propertyName) ?? false
      if (key !== undefined || isRoutable) return [{ column, key, isRoutable }]
    }
    return []
  })
}

/** Who may have annotated a column: the class that has the property, embedded or not, and that class's bases. */
function targetsOf(metadata: EntityMetadata, column: ColumnMetadata): readonly (object | string)[] {
  const declared = column.embeddedMetadata?.type ?? metadata.target
  if (typeof declared === 'string') return [declared]
  return [...basesOf(declared), ...(metadata.target === declared ? [metadata.name] : [])]
}

/** The class and what it extends, itself first. */
function basesOf(entity: unknown): readonly object[] {
  const bases: object[] = []
  for (
    let each: unknown = entity;
    typeof each === 'function' && each !== Function.prototype;
    each = Object.getPrototypeOf(each)
  )
    bases.push(each)
  return bases
}

function wholeOf({ target, name }: EntityMetadata): 'reference' | 'unsharded' | undefined {
  const targets = typeof target === 'string' ? [target] : [...basesOf(target), name]
  return targets.map((each) => annotationsOf(each)?.whole).find((whole) => whole !== undefined)
}

/** A decorator beside no column would place nothing. */
function refuseUnknown(metadata: EntityMetadata): void {
  const { target } = metadata
  for (const each of typeof target === 'string' ? [target] : basesOf(target)) {
    const annotations = annotationsOf(each)
    for (const property of [...(annotations?.keys.keys() ?? []), ...(annotations?.routable ?? [])]) {
      if (metadata.columns.some((column) => column.propertyName === property)) continue
      throw new ConfigError(
        'CONFIG_INVALID',
        `Property "${property}" of entity "${metadata.name}" is annotated for Shardline, but it is no column of the entity. Annotate a column, or a relation that has the join column.`,
      )
    }
  }
}

function invalid(metadata: EntityMetadata, column: ColumnMetadata | undefined, problem: string): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `Property "${column?.propertyPath}" of entity "${metadata.name}" ${problem}.`,
  )
}
