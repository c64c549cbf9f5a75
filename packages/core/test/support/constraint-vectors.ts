import type {
  Catalog,
  Column,
  ForeignKey,
  FunctionFacts,
  Relation,
  RoutableColumn,
  TablePlacement,
} from '../../src/statement/catalog.ts'
import type { KeySet, KeyValue } from '../../src/statement/key-set.ts'
import type { KeyType } from '../../src/statement/key-type.ts'
import type { PlacementPart } from '../../src/statement/statement.ts'

/** `vectors/constraints.json`: tables in short, and statements with the parts that their texts prove. */
export interface ConstraintVectors {
  readonly tables: readonly VectorTable[]
  readonly cases: readonly ConstraintCase[]
}

export interface ConstraintCase {
  readonly topic: string
  readonly sql: string
  /** As `describePart` spells them; absent where only the refusal counts. */
  readonly parts?: readonly string[]
  readonly refusal?: string
  /** The rows' keys of an INSERT … VALUES. */
  readonly rows?: readonly string[]
  /** By row the ids of an INSERT … ON CONFLICT that must agree with its key. */
  readonly ids?: readonly string[]
  /** Values that an UPDATE gives to keys and ids, with the number of the part. */
  readonly assigned?: readonly string[]
  readonly writesReference?: boolean
}

interface VectorTable {
  readonly name: string
  /** Group, key column, key type. */
  readonly key?: readonly [group: string, column: string, type: KeyType]
  /** With a key: `entity` instead of what the key's type suggests. */
  readonly strategy?: 'entity' | 'reference' | 'unsharded' | 'per-shard'
  /** With a time key. */
  readonly every?: 'month'
  readonly isGuarded?: boolean
  readonly keyspace?: string
  readonly view?: string
  /** `name type`, with `!` for NOT NULL and `= default`. */
  readonly columns: string
  readonly unique?: readonly string[]
  /** `a,b -> table(c,d)` */
  readonly references?: readonly string[]
  /** Columns with routable ids; those that are so by a foreign key, as in `references`. */
  readonly routable?: readonly string[]
}

const typeNames: Readonly<Record<string, string>> = {
  int4: 'integer',
  int8: 'bigint',
  float8: 'double precision',
  timestamptz: 'timestamp with time zone',
}

export function vectorCatalog(tables: readonly VectorTable[]): Catalog {
  const fact = (facts: Partial<FunctionFacts>): FunctionFacts => ({
    volatility: 'volatile',
    isOpaque: true,
    isAggregate: false,
    isWindow: false,
    returnsSet: false,
    ...facts,
  })
  return {
    version: 1,
    isSharded: true,
    searchPath: ['pg_catalog', 'public'],
    timeZone: 'UTC',
    relations: new Map(tables.map((table) => [`public.${table.name}`, relationOf(table)])),
    functions: new Map([
      ['public.touch', fact({})],
      ['public.tidy', fact({ volatility: 'immutable' })],
    ]),
    operators: new Map(),
    types: new Map(),
    typeOids: new Map(),
    defaultCollation: { name: 'C', isCodePoint: true, isDeterministic: true },
  }
}

function relationOf(table: VectorTable): Relation {
  return {
    schema: 'public',
    name: table.name,
    kind: table.view === undefined ? 'table' : 'view',
    columns: table.columns.split(', ').map(columnOf),
    placement: placementOf(table),
    keyspace: table.keyspace ?? 'main',
    uniqueKeys: (table.unique ?? []).map((columns) => columns.split(',')),
    uniqueConstraints: new Map(
      (table.unique ?? []).map((columns) => [
        `${table.name}_${columns.replaceAll(',', '_')}`,
        columns.split(','),
      ]),
    ),
    foreignKeys: (table.references ?? []).map(foreignKeyOf),
    hasTriggers: false,
    ...(table.view === undefined ? {} : { viewText: table.view }),
    ...(table.routable === undefined ? {} : { routable: routableOf(table.routable, table.columns) }),
  }
}

function placementOf({ key, strategy, name, every, isGuarded = false }: VectorTable): TablePlacement {
  if (key !== undefined) {
    const [group, keyColumn, keyType] = key
    return {
      strategy:
        keyType.startsWith('time') || keyType === 'date'
          ? 'time'
          : strategy === 'entity'
            ? strategy
            : 'tenant',
      group,
      keyColumn,
      keyType,
      isGuarded,
      ...(every === undefined ? {} : { every }),
    }
  }
  if (strategy === 'reference') return { strategy }
  if (strategy === 'per-shard') return { strategy, why: `a materialised view ${name}` }
  return { strategy: 'unsharded' }
}

function columnOf(text: string): Column {
  const [declared = '', defaultText] = text.split(' = ')
  const [name = '', type = ''] = declared.split(' ')
  const plain = type.replace('!', '')
  return {
    name,
    type: typeNames[plain] ?? plain,
    notNull: type.endsWith('!'),
    hasDefault: defaultText !== undefined,
    ...(defaultText === undefined ? {} : { defaultText }),
    isGenerated: false,
  }
}

function routableOf(names: readonly string[], columns: string): ReadonlyMap<string, RoutableColumn> {
  return new Map(
    names.map((text) => {
      const [name = '', target] = text.split(' -> ')
      const format = columns.includes(`${name} uuid`) ? 'uuid' : 'int8'
      return [name, target === undefined ? { format } : { format, via: text }]
    }),
  )
}

function foreignKeyOf(text: string): ForeignKey {
  const [columns = '', target = ''] = text.split(' -> ')
  const [name = '', referenced = ''] = target.replace(')', '').split('(')
  return {
    name: text,
    columns: columns.split(','),
    target: { schema: 'public', name, columns: referenced.split(',') },
  }
}

/** `orders r {$1,2}`, with `<0` for the parts that bound it. */
export function describePart(part: PlacementPart): string {
  if (part.kind === 'home') return `home ${part.table} ${part.access[0]}`
  const within = part.within.map((index) => ` <${index}`).join('')
  return `${part.table} ${part.access[0]} ${describeSet(part.set)}${within}`
}

export function describeValue(value: KeyValue): string {
  if (value.source === 'null') return 'null'
  return value.source === 'parameter' ? `$${value.number}` : value.text
}

export function describeSet(set: KeySet): string {
  switch (set.kind) {
    case 'values':
      return `{${set.values.map(describeValue).join(',')}}`
    case 'array':
      return `any(${set.value.source === 'literal' ? `'${set.value.text}'` : describeValue(set.value)})`
    case 'not-distinct':
      return `same${set.whenNull === 'all' ? '-or-all' : ''}(${describeValue(set.value)})`
    case 'range': {
      const lower =
        set.lower === undefined ? '' : `${set.lower.isInclusive ? '[' : '('}${describeValue(set.lower.value)}`
      const upper =
        set.upper === undefined ? '' : `${describeValue(set.upper.value)}${set.upper.isInclusive ? ']' : ')'}`
      return `${lower},${upper}`
    }
    case 'ids':
      return `#${describeSet(set.set)}`
    case 'and':
      return set.sets.map(describeSet).join('&')
    case 'or':
      return set.sets.map(describeSet).join('|')
    default:
      return set.kind
  }
}
