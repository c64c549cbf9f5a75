import type pg from 'pg'
import type {
  Catalog,
  Column,
  ForeignKey,
  KeyedPlacement,
  Relation,
  RoutableColumn,
  TablePlacement,
} from '../../src/statement/catalog.ts'
import { carriesIds, type KeySet, type KeyValue } from '../../src/statement/key-set.ts'
import type { KeyType } from '../../src/statement/key-type.ts'
import type { PlacementPart } from '../../src/statement/statement.ts'

/**
 * A small sharded database whose rules the tests know: key k of group g lives on shard k % 4, of group h on shard
 * (k + 1) % 4, the unsharded table on shard 0. Schema `world` holds all rows; schema `only_013` shows them with the
 * sharded tables cut down to shards 0, 1 and 3.
 */
export const shardCount = 4
const keys = [1, 2, 3, 4, 5, 6]
const shards = [0, 1, 2, 3]

export const shardOfKey = (group: string, key: number): number => (group === 'h' ? key + 1 : key) % shardCount

const tenant = (group: string, keyColumn: string, keyType: KeyType): KeyedPlacement => ({
  strategy: 'tenant',
  group,
  keyColumn,
  keyType,
  isGuarded: false,
})

const int8 = 'bigint'
const int4 = 'integer'
type ColumnList = readonly (readonly [name: string, type: string, notNull?: boolean])[]

function table(
  name: string,
  placement: TablePlacement,
  columns: ColumnList,
  extra: { foreignKeys?: readonly ForeignKey[]; viewText?: string; uniqueKeys?: readonly string[][] } = {},
): Relation {
  return {
    schema: 'public',
    name,
    kind: extra.viewText === undefined ? 'table' : 'view',
    columns: columns.map(([column, type, notNull = false]): Column => ({
      name: column,
      type,
      notNull,
      hasDefault: false,
      isGenerated: false,
    })),
    placement,
    keyspace: 'main',
    uniqueKeys: extra.uniqueKeys ?? [],
    foreignKeys: extra.foreignKeys ?? [],
    hasTriggers: false,
    ...(extra.viewText === undefined ? {} : { viewText: extra.viewText }),
  }
}

const references = (columns: string[], name: string, target: string[]): ForeignKey => ({
  name: `${name}_${columns.join('_')}`,
  columns,
  target: { schema: 'public', name, columns: target },
})

const views: Readonly<Record<string, string>> = {
  va: 'SELECT a.k, a.id, a.x FROM @a WHERE (a.x IS NOT NULL)',
  vab: 'SELECT b.k, a.id, b.x FROM @a JOIN @b ON ((a.id = b.a_id))',
  vg: 'SELECT a.k, count(*) AS id, max(a.x) AS x FROM @a GROUP BY a.k',
}
const inSchema = (text: string, schema: string): string =>
  text.replaceAll(/@([ab])/g, (_, name: string) => `${schema}.${name}`)

const unsharded: TablePlacement = { strategy: 'unsharded' }
const relations: readonly Relation[] = [
  table('acc', tenant('g', 'k', 'int8'), [
    ['k', int8, true],
    ['id', int4],
    ['x', int4],
  ]),
  table('a', tenant('g', 'k', 'int8'), [
    ['k', int8, true],
    ['id', int4, true],
    ['x', int4],
    ['s', 'text'],
  ]),
  table(
    'b',
    tenant('g', 'k', 'int4'),
    [
      ['k', int4, true],
      ['id', int4, true],
      ['a_id', int4],
      ['x', int4],
    ],
    {
      foreignKeys: [references(['a_id'], 'a', ['id'])],
    },
  ),
  table(
    'c',
    tenant('g', 'k', 'int8'),
    [
      ['k', int8, true],
      ['id', int4, true],
      ['b_id', int4],
      ['b_x', int4],
      ['x', int4],
    ],
    { foreignKeys: [references(['b_id', 'b_x'], 'b', ['id', 'x'])] },
  ),
  table('h', tenant('h', 'k', 'int8'), [
    ['k', int8, true],
    ['id', int4, true],
    ['x', int4],
  ]),
  table('r', { strategy: 'reference' }, [
    ['id', int4],
    ['x', int4],
  ]),
  table('u', unsharded, [
    ['id', int4],
    ['x', int4],
  ]),
  ...Object.entries(views).map(([name, text]) =>
    table(
      name,
      unsharded,
      [
        ['k', int8],
        ['id', int4],
        ['x', int4],
      ],
      { viewText: inSchema(text, 'public') },
    ),
  ),
]

const routableColumns: Readonly<Record<string, Record<string, RoutableColumn>>> = {
  a: { id: { format: 'int8' } },
  b: { id: { format: 'int8' }, a_id: { format: 'int8', via: 'a_a_id' } },
  h: { id: { format: 'int8' } },
}

/** Ids of rows whose key was pinned after they were made: on the id's shard, or on the next. */
const spreadIds: ReadonlySet<number> = new Set([2, 5, 9])

/** The shards on which a row with a routable id may lie. */
const shardsOfId = (id: number): readonly number[] =>
  spreadIds.has(id) ? [id % shardCount, (id + 1) % shardCount] : [id % shardCount]

export const worldCatalog: Catalog = {
  version: 1,
  isSharded: true,
  searchPath: ['pg_catalog', 'public'],
  timeZone: 'UTC',
  relations: new Map(relations.map((relation) => [`public.${relation.name}`, relation])),
  functions: new Map(),
  operators: new Map(),
  types: new Map(),
  typeOids: new Map(),
  defaultCollation: { name: 'C', isCodePoint: true, isDeterministic: true },
}

/** The same world, its ids declared to be what they are: a.id alone is known to be unique. */
export const routableCatalog: Catalog = {
  ...worldCatalog,
  relations: new Map(
    [...worldCatalog.relations].map(([name, relation]): [string, Relation] => {
      const columns = routableColumns[relation.name]
      if (columns === undefined) return [name, relation]
      const uniqueKeys = relation.name === 'a' ? [['id']] : relation.uniqueKeys
      return [name, { ...relation, uniqueKeys, routable: new Map(Object.entries(columns)) }]
    }),
  ),
}

/** The integer columns that random statements use. */
export const worldTables: readonly { readonly name: string; readonly columns: readonly string[] }[] =
  relations.map(({ name, columns }) => ({
    name,
    columns: columns.filter((column) => column.type !== 'text').map((column) => column.name),
  }))

/** What `b.a_id = a.id` may be written with. */
export const worldForeignKeys = relations.flatMap(({ name, foreignKeys }) =>
  foreignKeys.map((key) => ({
    from: name,
    columns: key.columns,
    to: key.target.name,
    targets: key.target.columns,
  })),
)

export function schemaOf(subset: readonly number[]): string {
  return `only_${subset.toSorted((a, b) => a - b).join('')}`
}

function subsets(): number[][] {
  return [...Array(1 << shardCount).keys()].map((bits) => shards.filter((shard) => (bits >> shard) & 1))
}

export async function createWorld(client: pg.Client): Promise<void> {
  const statements = [
    'create schema world',
    'create table world.acc (k int8 primary key, id int, x int)',
    'create table world.a (k int8 not null references world.acc (k), id int primary key, x int, s text)',
    'create table world.b (k int4 not null, id int primary key, a_id int references world.a (id), x int, unique (id, x))',
    `create table world.c (k int8 not null, id int primary key, b_id int, b_x int, x int,
       foreign key (b_id, b_x) references world.b (id, x))`,
    'create table world.h (k int8 not null, id int not null, x int)',
    'create table world.r (id int, x int)',
    'create table world.u (id int, x int)',
    ...Object.entries(views).map(([name, text]) => `create view world.${name} as ${inSchema(text, 'world')}`),
  ]
  for (const subset of subsets()) {
    const schema = schemaOf(subset)
    const list = subset.length === 0 ? '-1' : subset.join(',')
    statements.push(`create schema ${schema}`)
    for (const name of ['acc', 'a', 'b', 'c']) {
      statements.push(`create view ${schema}.${name} as select * from world.${name} where k % 4 in (${list})`)
    }
    statements.push(
      `create view ${schema}.h as select * from world.h where (k + 1) % 4 in (${list})`,
      `create view ${schema}.r as select * from world.r`,
      `create view ${schema}.u as select * from world.u where ${subset.includes(0)}`,
      ...Object.entries(views).map(
        ([name, text]) => `create view ${schema}.${name} as ${inSchema(text, schema)}`,
      ),
    )
  }
  await client.query(statements.join(';\n'))
}

/** New rows that keep the foreign keys, each of which stays on one shard but not always under one key. */
export async function fillWorld(client: pg.Client, random: () => number): Promise<void> {
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T | undefined => list[below(list.length)]
  const small = (): number | null => (random() < 0.25 ? null : below(4))
  /** A key whose row may have that id. */
  const keyFor = (group: string, id: number, list: readonly number[]): number | undefined =>
    pick(list.filter((k) => shardsOfId(id).includes(shardOfKey(group, k))))
  const colocated = <R extends { k: number }>(rows: readonly R[], k: number): R | undefined =>
    pick(rows.filter((row) => row.k % 4 === k % 4))
  const acc = keys.filter(() => random() < 0.85).map((k) => ({ k, id: below(4), x: small() }))
  const a = [...Array(12).keys()].flatMap((index) => {
    const k = keyFor(
      'g',
      index,
      acc.map((row) => row.k),
    )
    return k === undefined ? [] : [{ k, id: index, x: small(), s: pick(['1', '2', null]) ?? null }]
  })
  const b = [...Array(12).keys()].map((index) => {
    const k = keyFor('g', index, keys) ?? 1
    return { k, id: index, a_id: random() < 0.8 ? (colocated(a, k)?.id ?? null) : null, x: small() }
  })
  const c = [...Array(10).keys()].map((index) => {
    const k = pick(keys) ?? 1
    const target = colocated(b, k)
    // With one column NULL the foreign key holds nothing.
    const loose = random() < 0.3 || target === undefined || target.x === null
    return { k, id: index, b_id: loose ? below(12) : target.id, b_x: loose ? null : target.x, x: small() }
  })
  // Ids that are no keys, several rows of which may lie on several shards.
  const h = [...Array(10).keys()].map(() => {
    const id = below(6)
    return { k: keyFor('h', id, keys) ?? 1, id, x: small() }
  })
  const r = [...Array(5).keys()].map(() => ({ id: below(6), x: small() }))
  const u = [...Array(4).keys()].map(() => ({ id: below(6), x: small() }))
  await client.query('truncate world.acc, world.a, world.b, world.c, world.h, world.r, world.u')
  for (const [name, rows] of Object.entries({ acc, a, b, c, h, r, u })) {
    await client.query(
      `insert into world.${name} select * from json_populate_recordset(null::world.${name}, $1::json)`,
      [JSON.stringify(rows)],
    )
  }
}

/** The keys of the world that a set allows, with the values bound. */
function keysOf(set: KeySet, values: readonly unknown[]): ReadonlySet<number> | undefined {
  const all = (): ReadonlySet<number> => new Set(keys)
  const numberOf = (value: KeyValue): number | undefined => {
    if (value.source === 'null') return undefined
    const bound = value.source === 'literal' ? value.text : values[value.number - 1]
    return bound === null ? undefined : Number(bound)
  }
  switch (set.kind) {
    case 'all':
      return undefined
    case 'none':
      return new Set()
    case 'values':
      return new Set(set.values.map(numberOf).filter((key) => key !== undefined))
    case 'array': {
      const { value } = set
      if (value.source === 'null') return new Set()
      const bound = value.source === 'literal' ? value.text : values[value.number - 1]
      const members = Array.isArray(bound) ? bound : String(bound).replaceAll(/[{}]/g, '').split(',')
      return new Set(
        members.filter((member) => member !== null && member !== 'NULL' && member !== '').map(Number),
      )
    }
    case 'not-distinct': {
      const key = numberOf(set.value)
      if (key !== undefined) return new Set([key])
      return set.whenNull === 'none' ? new Set() : undefined
    }
    case 'and':
      return set.sets.reduce<ReadonlySet<number> | undefined>((both, member) => {
        const next = keysOf(member, values)
        return both === undefined
          ? next
          : next === undefined
            ? both
            : new Set([...both].filter((key) => next.has(key)))
      }, undefined)
    case 'or':
      return new Set(set.sets.flatMap((member) => [...(keysOf(member, values) ?? all())]))
    case 'range':
    case 'ids':
      throw new Error('no set of keys in this world')
  }
}

/** The shards that a set allows; undefined for all. Ids are small numbers, as keys are. */
function shardsOfSet(
  set: KeySet,
  values: readonly unknown[],
  group: string,
): ReadonlySet<number> | undefined {
  const shardsOf = (allowed: ReadonlySet<number> | undefined, of: (value: number) => readonly number[]) =>
    allowed && new Set([...allowed].flatMap(of))
  if (set.kind === 'ids')
    return set.group === group ? shardsOf(keysOf(set.set, values), shardsOfId) : undefined
  if (!carriesIds(set)) return shardsOf(keysOf(set, values), (key) => [shardOfKey(group, key)])
  if (set.kind !== 'and' && set.kind !== 'or') return undefined
  const members = set.sets.map((member) => shardsOfSet(member, values, group))
  const all = new Set(shards)
  return set.kind === 'or'
    ? new Set(members.flatMap((member) => [...(member ?? all)]))
    : new Set(shards.filter((shard) => members.every((member) => (member ?? all).has(shard))))
}

/** The shards that a statement claims to need. */
export function claimedShards(
  parts: readonly PlacementPart[],
  values: readonly unknown[],
): readonly number[] {
  const own = parts.map((part): readonly number[] | undefined => {
    if (part.kind === 'home') return [0]
    const allowed = shardsOfSet(part.set, values, part.placement.group)
    return allowed && [...allowed]
  })
  const claimed = new Set<number>()
  for (const [index, part] of parts.entries()) {
    let bounded = own[index]
    if (part.kind === 'keyed') {
      for (const other of part.within) {
        const bound = own[other]
        if (bound !== undefined)
          bounded = bounded === undefined ? bound : bounded.filter((shard) => bound.includes(shard))
      }
    }
    for (const shard of bounded ?? shards) claimed.add(shard)
  }
  return [...claimed].toSorted((a, b) => a - b)
}
