import {
  ConfigError,
  entity,
  reference,
  tenant,
  time,
  unsharded,
  type TableDescription,
} from '@shardline/core'
import type { MappedModel, ModelMap } from '../model-map.ts'
import {
  countAnnotations,
  exampleOf,
  meant,
  parseAnnotations,
  type Annotation,
  type Placement,
} from './annotations.ts'
import type { Datamodel, DatamodelModel } from './datamodel.ts'
import { columnOf, type FieldUse } from './key-fields.ts'

const periods = ['hour', 'day', 'week', 'month', 'year'] as const
const guards = ['required', 'off'] as const

type Issue = (message: string) => void

/** An annotation of a model, or of a field that it then is about. */
interface Said {
  readonly annotation: Annotation
  readonly fields: readonly string[]
}

/**
 * Reads the annotations of all models. `schemaText` is the schema that the data model was made of: it shows annotations
 * that belong to nothing.
 * @throws ConfigError CONFIG_INVALID that lists every problem by model and field
 */
export function mapModels(datamodel: Datamodel, schemaText: string): ModelMap {
  const issues: string[] = []
  const mapped: Record<string, MappedModel> = {}
  for (const model of datamodel.models) {
    const found = mapModel(model, (message) => issues.push(`model ${model.name}: ${message}`))
    if (found !== undefined) mapped[model.name] = found
  }
  for (const other of [...datamodel.enums, ...datamodel.types]) {
    if (countAnnotations(other.documentation ?? '') > 0) {
      issues.push(`${other.name}: annotations belong to models and their fields`)
    }
  }
  const lost = countAnnotations(commentsOf(schemaText)) - countAnnotations(documentationOf(datamodel))
  if (lost > 0) {
    issues.push(
      `${lost === 1 ? 'an annotation belongs' : `${lost} annotations belong`} to no model or field. Write them right above one that Prisma does not ignore, with no empty line between`,
    )
  }
  if (issues.length > 0) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `The annotations of the Prisma schema have ${issues.length === 1 ? 'a problem' : `${issues.length} problems`}:\n${issues.map((line) => `  ${line}`).join('\n')}`,
      { details: { issues } },
    )
  }
  return mapped
}

function mapModel(model: DatamodelModel, issue: Issue): MappedModel | undefined {
  const said = annotationsOf(model, issue)
  const placements = said.filter(({ annotation }) => annotation.kind !== 'routable')
  const routables = said.filter(({ annotation }) => annotation.kind === 'routable')
  const [placement, ...others] = placements
  if (placement === undefined) {
    if (routables.length > 0)
      issue(
        `routable ids carry the shard key of their row, and the model has none. Add ${exampleOf('tenant')}`,
      )
    return undefined
  }
  if (others.length > 0) {
    issue(
      `its rows are placed ${placements.length} times (${placements.map(written).join(', ')}). A model has one shard key`,
    )
    return undefined
  }
  const key = descriptionOf(model, placement, issue)
  if (key === undefined) return undefined
  const description = withRoutable(model, key, routables, issue)
  const table = tableName(model)
  if (/\..*\./.test(table) || (model.schema == null && table.includes('.'))) {
    issue(
      `a dot in the name of its table, "${table}", cannot be told from that of a schema. Rename the table`,
    )
    return undefined
  }
  return { table, description }
}

function annotationsOf(model: DatamodelModel, issue: Issue): readonly Said[] {
  const said: Said[] = parseAnnotations(model.documentation, issue).map((annotation) => ({
    annotation,
    fields: annotation.fields,
  }))
  for (const field of model.fields) {
    const ofField: Issue = (message) => issue(`field ${field.name}: ${message}`)
    for (const annotation of parseAnnotations(field.documentation, ofField)) {
      if (annotation.kind === 'reference' || annotation.kind === 'unsharded')
        ofField(`@shardline.${annotation.kind} is about a whole model. Write it above the model`)
      else if (annotation.fields.length > 0)
        ofField(
          `@shardline.${annotation.kind} of a field is about this field. Leave out ${annotation.fields.join(', ')}`,
        )
      else said.push({ annotation, fields: [field.name] })
    }
  }
  return said
}

function descriptionOf(model: DatamodelModel, said: Said, issue: Issue): TableDescription | undefined {
  const { kind, options } = said.annotation
  if (kind === 'reference' || kind === 'unsharded') {
    if (said.fields.length === 0) return kind === 'reference' ? reference() : unsharded()
    issue(`@shardline.${kind} takes nothing in parentheses`)
    return undefined
  }
  const problem: Issue = (message) => issue(`${written(said)}: ${message}`)
  const [name, ...others] = said.fields
  if (name === undefined || others.length > 0) {
    problem(
      name === undefined ? `name the field. ${example(kind)}` : `a shard key is one field. ${example(kind)}`,
    )
    return undefined
  }
  const column = resolved(model, name, kind === 'time' ? 'time' : 'key', problem)
  const group = options.has('group') ? { group: options.get('group') } : {}
  if (kind === 'time') {
    const every = oneOf(periods, 'every', options, problem)
    if (!options.has('every')) problem(`say how long a period is. ${example('time')}`)
    return column === undefined || every === undefined ? undefined : time(column, { every, ...group })
  }
  const guard = oneOf(guards, 'guard', options, problem)
  if (column === undefined) return undefined
  return kind === 'entity'
    ? entity(column, group)
    : tenant(column, { ...group, ...(guard === undefined ? {} : { guard }) })
}

function withRoutable(
  model: DatamodelModel,
  key: TableDescription,
  routables: readonly Said[],
  issue: Issue,
): TableDescription {
  if (routables.length === 0) return key
  if (key.strategy !== 'tenant' && key.strategy !== 'entity') {
    issue(`routable ids are for tenant and entity tables, and this is a ${key.strategy} table`)
    return key
  }
  const columns = new Set<string>()
  for (const said of routables) {
    const problem: Issue = (message) => issue(`${written(said)}: ${message}`)
    if (said.fields.length === 0) problem(`name the field. ${example('routable')}`)
    for (const name of said.fields) {
      const column = resolved(model, name, 'routable', problem)
      if (column === undefined) continue
      if (column === key.column) problem(`"${name}" is the shard key itself, which routes already`)
      if (columns.has(column)) problem(`"${name}" is named twice`)
      columns.add(column)
    }
  }
  return { ...key, routable: [...columns] }
}

function resolved(model: DatamodelModel, name: string, use: FieldUse, problem: Issue): string | undefined {
  const found = columnOf(model, name, use)
  if ('column' in found) return found.column
  problem(found.problem)
  return undefined
}

function oneOf<const Known extends string>(
  known: readonly Known[],
  option: string,
  options: Annotation['options'],
  problem: Issue,
): Known | undefined {
  const value = options.get(option)
  const found = known.find((each) => each === value)
  if (value !== undefined && found === undefined)
    problem(`${option}: ${value} is not known${meant(value, known)}. Allowed: ${known.join(', ')}`)
  return found
}

function written({ annotation, fields }: Said): string {
  return `@shardline.${annotation.kind}${fields.length === 0 ? '' : `(${fields.join(', ')})`}`
}

function example(kind: Placement | 'routable'): string {
  return `Write ${exampleOf(kind)}`
}

function tableName({ schema, dbName, name }: DatamodelModel): string {
  return schema == null ? (dbName ?? name) : `${schema}.${dbName ?? name}`
}

function documentationOf(datamodel: Datamodel): string {
  const owners = [
    ...datamodel.models,
    ...datamodel.models.flatMap((model) => model.fields),
    ...datamodel.enums,
    ...datamodel.types,
  ]
  return owners.map(({ documentation }) => documentation ?? '').join('\n')
}

/** The documentation comments of a schema, without their slashes. */
function commentsOf(schemaText: string): string {
  return schemaText
    .split('\n')
    .map((line) => /\/\/\/(.*)$/.exec(line)?.[1] ?? '')
    .join('\n')
}
