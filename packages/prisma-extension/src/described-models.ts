import { ConfigError, type TableDescription } from '@shardline/core'
import type { DataModel, DataModelEntry } from './client-internals.ts'
import type { MappedModel } from './model-map.ts'

/** A model with its names on both sides. */
export interface DescribedModel {
  /** `table` or `schema.table`. */
  readonly table: string
  /** Columns are those of PostgreSQL. */
  readonly description: TableDescription
  /** The field of the shard key, where the model has one. */
  readonly keyField: string | undefined
}

/** A model's description as the generator writes it, or as a person does. */
type GivenModel = MappedModel | TableDescription

/**
 * The described models, by their names in the schema, with the names of PostgreSQL. `schema` is that of models that name none.
 * @throws ConfigError CONFIG_INVALID for a model or field that the client does not have
 */
export function describeModels(
  given: Readonly<Record<string, GivenModel | undefined>>,
  dataModel: DataModel,
  schema: string | undefined,
): ReadonlyMap<string, DescribedModel> {
  const described = new Map<string, DescribedModel>()
  for (const [name, model] of Object.entries(given)) {
    if (model === undefined) continue
    const entry = Object.hasOwn(dataModel.models, name) ? dataModel.models[name] : undefined
    if (entry === undefined) throw noSuchModel(name, dataModel)
    described.set(name, 'table' in model ? fromMap(model, entry) : byHand(name, model, entry, schema))
  }
  return described
}

function fromMap({ table, description }: MappedModel, entry: DataModelEntry): DescribedModel {
  const column = 'column' in description ? description.column : undefined
  const keyField = entry.fields.find(
    (field) => column !== undefined && (field.dbName ?? field.name) === column,
  )
  return { table, description, keyField: keyField?.name }
}

function byHand(
  name: string,
  description: TableDescription,
  entry: DataModelEntry,
  schema: string | undefined,
): DescribedModel {
  const ofSchema = entry.schema ?? schema
  const table = entry.dbName ?? name
  return {
    table: ofSchema === undefined || ofSchema === 'public' ? table : `${ofSchema}.${table}`,
    description: withColumns(description, (field) => columnOf(name, field, entry)),
    keyField: 'column' in description ? description.column : undefined,
  }
}

function withColumns(description: TableDescription, columnOf: (field: string) => string): TableDescription {
  if (!('column' in description)) return description
  const column = columnOf(description.column)
  if (!('routable' in description) || description.routable === undefined) return { ...description, column }
  return { ...description, column, routable: description.routable.map(columnOf) }
}

function columnOf(model: string, name: string, { fields }: DataModelEntry): string {
  const field = fields.find((one) => one.name === name)
  if (field === undefined || field.kind === 'object') {
    throw new ConfigError(
      'CONFIG_INVALID',
      `models.${model}: there is no scalar field "${name}" in the model. It has ${list(fields.filter((one) => one.kind !== 'object'))}.`,
    )
  }
  return field.dbName ?? field.name
}

function noSuchModel(name: string, { models }: DataModel): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `models.${name}: the client has no model of this name. It has ${list(Object.keys(models).map((one) => ({ name: one })))}.`,
  )
}

function list(named: readonly { readonly name: string }[]): string {
  return named.map(({ name }) => name).join(', ')
}
