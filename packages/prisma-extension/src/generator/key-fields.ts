import type { DatamodelField, DatamodelModel } from './datamodel.ts'
import { meant } from './annotations.ts'

export type FieldUse = 'key' | 'time' | 'routable'

const wanted: Readonly<Record<FieldUse, { readonly words: string; fits(field: DatamodelField): boolean }>> = {
  key: {
    words: 'a shard key is an Int, a BigInt or a String',
    fits: ({ type, nativeType }) =>
      ['Int', 'BigInt'].includes(type)
        ? nativeType?.[0] !== 'Oid'
        : type === 'String' && (nativeType == null || ['Text', 'VarChar', 'Uuid'].includes(nativeType[0])),
  },
  time: {
    // Prisma's own default is timestamp(3): a time that is rounded may end up in the next period.
    words: 'a time key is a DateTime with @db.Timestamptz(6), @db.Timestamp(6) or @db.Date',
    fits: ({ type, nativeType }) =>
      type === 'DateTime' && nativeType != null && keepsMicroseconds(nativeType),
  },
  routable: {
    words: 'a routable id is a BigInt, or a String with @db.Uuid',
    fits: ({ type, nativeType }) => type === 'BigInt' || (type === 'String' && nativeType?.[0] === 'Uuid'),
  },
}

function keepsMicroseconds([name, [digits = '6']]: readonly [string, readonly string[]]): boolean {
  return name === 'Date' || (['Timestamp', 'Timestamptz'].includes(name) && digits === '6')
}

/** The column that a field is stored in, or what keeps the field from being used like that. */
export function columnOf(
  model: DatamodelModel,
  name: string,
  use: FieldUse,
): { readonly column: string } | { readonly problem: string } {
  const field = model.fields.find((each) => each.name === name)
  if (field === undefined) return { problem: unknownField(model, name) }
  const problem = problemOf(field, use)
  return problem === undefined ? { column: field.dbName ?? field.name } : { problem }
}

function unknownField(model: DatamodelModel, name: string): string {
  const mapped = model.fields.find(({ dbName }) => dbName === name)
  if (mapped !== undefined)
    return `"${name}" is the column of field "${mapped.name}"; annotations name the field`
  const usable = model.fields.filter(({ kind }) => kind === 'scalar').map((field) => field.name)
  return `there is no field "${name}"${meant(name, usable)}. Its fields are ${usable.join(', ')}`
}

function problemOf(field: DatamodelField, use: FieldUse): string | undefined {
  const { name } = field
  if (field.kind === 'object') {
    const stored = field.relationFromFields ?? []
    return `"${name}" is a relation, which has no column of its own.${stored.length === 0 ? '' : ` Name the field that it is stored in: ${stored.join(', ')}`}`
  }
  if (!field.isRequired) return `"${name}" may be null. Make it required: ${field.type}, not ${field.type}?`
  if (field.isList || field.kind !== 'scalar' || !wanted[use].fits(field)) {
    return `"${name}" is ${typeWords(field)}; ${wanted[use].words}`
  }
  if (field.isUpdatedAt === true)
    return `"${name}" is @updatedAt: every update would change it, and a shard key stays as it is`
  return use === 'routable' ? ownValues(field) : undefined
}

/** `@default(dbgenerated())` says that the database fills the column, and leaves to Shardline how. */
function ownValues({ name, default: value }: DatamodelField): string | undefined {
  if (value === undefined) return undefined
  const { name: called, args } = value as { readonly name?: string; readonly args?: readonly unknown[] }
  if (called === 'dbgenerated' && args?.length === 0) return undefined
  return `"${name}" has the default ${called === undefined ? 'of a value' : `${called}()`}, and such ids carry no bucket. Write @default(dbgenerated()): the database fills them once router.install() has run`
}

function typeWords(field: DatamodelField): string {
  if (field.kind === 'enum') return `the enum ${field.type}`
  const [native, parameters = []] = field.nativeType ?? []
  const suffix =
    native === undefined ? '' : ` @db.${native}${parameters.length === 0 ? '' : `(${parameters.join(', ')})`}`
  return `${field.isList ? 'a list of ' : 'of type '}${field.type}${suffix}`
}
