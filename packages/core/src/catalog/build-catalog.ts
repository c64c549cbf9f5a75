import {
  emptyCatalog,
  type Catalog,
  type FunctionFacts,
  type Relation,
  type TypeFacts,
  type Volatility,
} from '../statement/catalog.ts'
import { collationOf, homeViewsOf, relationsOf } from './relations.ts'
import { serverDifferences } from './server-differences.ts'
import type { ShardCatalog } from './shard-catalog.ts'
import type { CatalogExpectation } from './table-rules.ts'
import {
  catalogDifferences,
  refuseDifferences,
  type CatalogDifference,
  type ShardRelations,
} from './verify-catalogs.ts'

export interface BuiltCatalog {
  readonly catalog: Catalog
  /** Tables that were set apart: statements on them are refused, with the difference as the reason. */
  readonly differences: readonly CatalogDifference[]
}

/**
 * One catalog out of those of all shards: pure.
 *
 * @throws ConfigError CATALOG_MISMATCH when the shards disagree with each other or with the description.
 */
export function buildCatalog(
  perShard: ReadonlyMap<string, ShardCatalog>,
  expectation: CatalogExpectation,
  version: number,
): Catalog {
  const { catalog, differences } = buildCatalogSettingApart(perShard, expectation, version)
  refuseDifferences(differences)
  return catalog
}

/**
 * As `buildCatalog`, for a cluster at work: in the middle of a migration the shards do differ. Tables of which they
 * disagree are set apart instead of stopping everything else.
 *
 * @throws ConfigError CATALOG_MISMATCH when the servers themselves do not fit together.
 */
export function buildCatalogSettingApart(
  perShard: ReadonlyMap<string, ShardCatalog>,
  expectation: CatalogExpectation,
  version: number,
): BuiltCatalog {
  const relations = new Map<string, Relation>()
  const differences: CatalogDifference[] = []
  for (const keyspace of expectation.keyspaces) {
    const shards = keyspace.shards.flatMap((shard): ShardRelations[] => {
      const catalog = perShard.get(shard)
      return catalog === undefined
        ? []
        : [{ shard, catalog, relations: relationsOf(catalog, keyspace), enums: enumsOf(catalog) }]
    })
    differences.push(...catalogDifferences(keyspace, shards))
    const homeCatalog = perShard.get(keyspace.home)
    const homeViews = homeCatalog === undefined ? new Set<string>() : homeViewsOf(homeCatalog, keyspace)
    for (const [name, relation] of mergeShards(shards, keyspace.home, homeViews)) {
      const known = relations.get(name)
      relations.set(name, known === undefined ? relation : oneOf(known, relation))
    }
  }
  const serverProblems = serverDifferences(perShard).map((message) => ({ table: undefined, message }))
  if (serverProblems.length > 0) refuseDifferences([...differences, ...serverProblems])
  for (const { table, message } of differences) {
    const relation = table === undefined ? undefined : relations.get(table)
    if (table === undefined || relation === undefined || relation.placement.strategy === 'per-shard') continue
    relations.set(table, { ...relation, placement: { strategy: 'per-shard', why: message } })
  }

  const catalogs = [...perShard.values()]
  const [first] = catalogs
  const catalog: Catalog = {
    ...emptyCatalog,
    version,
    isSharded:
      perShard.size > 1 ||
      expectation.keyspaces.some((keyspace) =>
        [...keyspace.tables.values()].some((rule) => 'isGuarded' in rule && rule.isGuarded),
      ),
    searchPath: first?.settings.searchPath ?? emptyCatalog.searchPath,
    timeZone: agreed(catalogs.map((catalog) => catalog.settings.timeZone)),
    relations,
    functions: worst(
      catalogs.flatMap((catalog) => catalog.functions),
      (row) => `${row.schema}.${row.name}`,
      (row) => ({
        volatility: volatilityOf(row.volatility),
        isOpaque: row.isOpaque && !expectation.localFunctions.has(`${row.schema}.${row.name}`),
        isAggregate: row.kind === 'a',
        isWindow: row.kind === 'w',
        returnsSet: row.returnsSet,
      }),
    ),
    operators: worst(
      catalogs.flatMap((catalog) => catalog.operators),
      (row) => row.name,
      (row) => ({
        volatility: volatilityOf(row.volatility),
        isOpaque: row.isOpaque,
        isAggregate: false,
        isWindow: false,
        returnsSet: false,
      }),
    ),
    volatileCasts: [...new Set(catalogs.flatMap((catalog) => catalog.volatileCasts))],
    types: new Map(
      catalogs.flatMap((catalog) =>
        catalog.types.map((row) => [`${row.schema}.${row.name}`, typeFacts(row)] as const),
      ),
    ),
    typeOids: new Map(
      [...perShard].map(([shard, catalog]) => [
        shard,
        new Map(catalog.types.map((row) => [row.oid, `${row.schema}.${row.name}`])),
      ]),
    ),
    defaultCollation:
      first === undefined
        ? emptyCatalog.defaultCollation
        : collationOf(first.settings.collation, first.settings.collation),
  }
  return { catalog, differences }
}

/** A name that several keyspaces have belongs to the one that describes it; described by none, it means no certain table. */
function oneOf(known: Relation, other: Relation): Relation {
  if (known.placement.strategy !== 'unsharded') return known
  if (other.placement.strategy !== 'unsharded') return other
  return {
    ...known,
    placement: {
      strategy: 'per-shard',
      why: `the keyspaces "${known.keyspace}" and "${other.keyspace}" both have it, and neither describes it`,
    },
  }
}

/** The home shard's relations, with only those proofs (foreign and unique keys) that hold on every shard. */
function mergeShards(
  shards: readonly ShardRelations[],
  home: string,
  homeViews: ReadonlySet<string>,
): ReadonlyMap<string, Relation> {
  const base = shards.find(({ shard }) => shard === home) ?? shards[0]
  if (base === undefined) return new Map()
  return new Map(
    [...base.relations].map(([name, relation]) => {
      if (relation.kind === 'view')
        return [name, homeViews.has(name) ? relation : sameEverywhere(name, relation, shards)]
      if (relation.placement.strategy === 'unsharded') return [name, relation]
      const others = shards.flatMap(({ relations }) => relations.get(name) ?? [])
      return [
        name,
        {
          ...relation,
          hasTriggers: others.some((other) => other.hasTriggers),
          ...(others.some((other) => other.hasChildren === true) ? { hasChildren: true } : {}),
          uniqueKeys: relation.uniqueKeys.filter((key) =>
            others.every((other) => other.uniqueKeys.some((unique) => sameText(unique, key))),
          ),
          uniqueConstraints: new Map(
            [...(relation.uniqueConstraints ?? [])].filter(([constraint, columns]) =>
              others.every((other) => sameText(other.uniqueConstraints?.get(constraint), columns)),
            ),
          ),
          foreignKeys: relation.foreignKeys.filter((key) =>
            others.every((other) => other.foreignKeys.some((foreign) => sameText(foreign, key))),
          ),
        },
      ]
    }),
  )
}

/** Without its text a view proves nothing, and statements that read it are refused. */
function sameEverywhere(name: string, view: Relation, shards: readonly ShardRelations[]): Relation {
  if (shards.every(({ relations }) => relations.get(name)?.viewText === view.viewText)) return view
  const { viewText: _, ...rest } = view
  return rest
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function enumsOf(catalog: ShardCatalog): ReadonlyMap<string, readonly string[]> {
  return new Map(
    catalog.types.flatMap((row) =>
      row.labels === null ? [] : [[`${row.schema}.${row.name}`, row.labels] as const],
    ),
  )
}

function volatilityOf(letter: string): Volatility {
  return letter === 'i' ? 'immutable' : letter === 's' ? 'stable' : 'volatile'
}

const rank: Readonly<Record<Volatility, number>> = { immutable: 0, stable: 1, volatile: 2 }

/** Overloads and shards folded into one: what may be true of any of them is taken to be true. */
function worst<Row>(
  rows: readonly Row[],
  key: (row: Row) => string,
  facts: (row: Row) => FunctionFacts,
): ReadonlyMap<string, FunctionFacts> {
  const folded = new Map<string, FunctionFacts>()
  for (const row of rows) {
    const next = facts(row)
    const known = folded.get(key(row))
    folded.set(
      key(row),
      known === undefined
        ? next
        : {
            volatility: rank[known.volatility] > rank[next.volatility] ? known.volatility : next.volatility,
            isOpaque: known.isOpaque || next.isOpaque,
            isAggregate: known.isAggregate || next.isAggregate,
            isWindow: known.isWindow || next.isWindow,
            returnsSet: known.returnsSet || next.returnsSet,
          },
    )
  }
  return folded
}

const typeKinds: Readonly<Record<string, TypeFacts['kind']>> = {
  e: 'enum',
  d: 'domain',
  c: 'composite',
  r: 'range',
  m: 'range',
}

function typeFacts(row: ShardCatalog['types'][number]): TypeFacts {
  return {
    kind: typeKinds[row.kind] ?? 'base',
    ...(row.labels === null ? {} : { labels: row.labels }),
  }
}

function agreed<T>(values: readonly T[]): T | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined
}
