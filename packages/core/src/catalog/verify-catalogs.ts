import { ConfigError } from '../errors.ts'
import { keyFamilies } from '../statement/key-type.ts'
import { relationKey, type Relation } from '../statement/catalog.ts'
import { keyTypeOf } from './key-types.ts'
import { isKeyedRule, lineageOf } from './lineage.ts'
import type { ColumnRow, ShardCatalog } from './shard-catalog.ts'
import type { KeyspaceExpectation, TableRule } from './table-rules.ts'

/** One shard's relations under its name. */
export interface ShardRelations {
  readonly shard: string
  readonly catalog: ShardCatalog
  readonly relations: ReadonlyMap<string, Relation>
  /** Labels of enum types by `schema.name`. */
  readonly enums: ReadonlyMap<string, readonly string[]>
}

/** What keeps a table, or all of the servers, from being used rightly. */
export interface CatalogDifference {
  /** `schema.name`; undefined when it is about the servers themselves. */
  readonly table: string | undefined
  readonly message: string
}

/**
 * Compares what the shards of one keyspace say about the described tables, with each other and with the
 * description. Returns every difference; nothing is reported twice because one shard lacks a table.
 *
 * A table that no shard has is no difference: a migration may be about to create it. Statements on it are refused.
 */
export function catalogDifferences(
  keyspace: KeyspaceExpectation,
  shards: readonly ShardRelations[],
): readonly CatalogDifference[] {
  const differences: CatalogDifference[] = []
  for (const [name, rule] of keyspace.tables) {
    const wanted =
      rule.strategy === 'unsharded' ? shards.filter(({ shard }) => shard === keyspace.home) : shards
    const holders = wanted.filter(({ relations }) => relations.has(name))
    const [first, ...others] = holders
    if (first === undefined) continue
    const differ = (message: string): void => void differences.push({ table: name, message })
    for (const { shard, relations } of wanted) {
      if (!relations.has(name)) differ(`table "${name}" does not exist on shard "${shard}"`)
    }
    const kind = first.relations.get(name)?.kind
    if (kind === 'view' || kind === 'sequence') {
      differ(`"${name}" is a ${kind}; describe the tables that hold the rows`)
      continue
    }
    if (isKeyedRule(rule)) for (const holder of holders) keyProblems(name, rule, holder).forEach(differ)
    const expected = shapeOf(first, name)
    for (const other of others) {
      const actual = shapeOf(other, name)
      for (const [aspect, value] of Object.entries(expected)) {
        if (actual[aspect as keyof typeof expected] !== value) {
          differ(`table "${name}": ${aspect} differ between shards "${first.shard}" and "${other.shard}"`)
        }
      }
    }
  }
  const [first] = shards
  if (first !== undefined)
    differences.push(...groupProblems(keyspace, first), ...parentProblems(keyspace, first))
  return differences
}

/** @throws ConfigError CATALOG_MISMATCH that lists every difference. */
export function refuseDifferences(found: readonly CatalogDifference[]): void {
  if (found.length === 0) return
  const differences = [...new Set(found.map(({ message }) => message))]
  throw new ConfigError(
    'CATALOG_MISMATCH',
    `The shards and the cluster's description do not agree:\n${differences.map((line) => `- ${line}`).join('\n')}\nBring the schemas in line (router.eachShard runs a migration on every shard), or correct the description.`,
    { details: { differences } },
  )
}

type KeyedRule = Exclude<TableRule, { strategy: 'reference' | 'unsharded' }>

function keyProblems(name: string, rule: KeyedRule, holder: ShardRelations): readonly string[] {
  const { shard, relations } = holder
  const column = relations.get(name)?.columns.find((each) => each.name === rule.column)
  const row = columnRow(holder, name, rule.column)
  if (column === undefined || row === undefined) {
    return [`table "${name}" has no column "${rule.column}" on shard "${shard}"`]
  }
  const problems: string[] = []
  const where = `shard key "${name}"."${rule.column}" on shard "${shard}"`
  const keyType = keyTypeOf(column.type)
  if (keyType === undefined) {
    problems.push(`${where} has type ${column.type}; a key may be an integer, text, uuid, date or timestamp`)
  } else if ((keyFamilies[keyType] === 'time') !== (rule.strategy === 'time')) {
    problems.push(`${where} has type ${column.type}, which does not fit the ${rule.strategy} strategy`)
  } else if (rule.strategy === 'time' && row.modifier >= 0 && row.modifier < 6) {
    problems.push(
      `${where} keeps ${row.modifier} digits of a second: a time may be rounded into the next period. Use all six`,
    )
  }
  if (!column.notNull) problems.push(`${where} may be NULL; declare it NOT NULL`)
  if (column.isGenerated)
    problems.push(`${where} is generated, so no statement can prove it; use a column that is written`)
  if (column.collation?.isDeterministic === false) {
    problems.push(
      `${where} has a nondeterministic collation, under which equal keys need not have equal bytes`,
    )
  }
  return problems
}

function columnRow({ catalog }: ShardRelations, table: string, column: string): ColumnRow | undefined {
  const relation = catalog.relations.find((row) => relationKey(row.schema, row.name) === table)
  return catalog.columns.find((row) => row.relation === relation?.oid && row.name === column)
}

/** What has to be the same on every shard, as comparable text. */
function shapeOf(
  { relations, enums }: ShardRelations,
  name: string,
): Readonly<Record<'columns' | 'unique keys' | 'kinds' | 'enum labels', string>> {
  const relation = relations.get(name)
  const columns = relation?.columns ?? []
  return {
    kinds: relation?.kind === 'partitioned' ? 'table' : String(relation?.kind),
    columns: columns
      .map(
        (column) =>
          `${column.name} ${column.type} ${column.notNull} ${column.isGenerated} ${column.collation?.schema ?? ''} ${column.collation?.name ?? ''}`,
      )
      .join('\n'),
    'unique keys': (relation?.uniqueKeys ?? [])
      .map((key) => key.join(','))
      .sort()
      .join('\n'),
    'enum labels': columns.flatMap((column) => enums.get(column.type)?.join(',') ?? []).join('\n'),
  }
}

/** Equal keys of one colocation group lie together only when they are hashed alike. */
function groupProblems(keyspace: KeyspaceExpectation, shard: ShardRelations): readonly CatalogDifference[] {
  const groups = new Map<string, { readonly table: string; readonly kind: string }>()
  const problems: CatalogDifference[] = []
  for (const [name, rule] of keyspace.tables) {
    if (!isKeyedRule(rule)) continue
    const type = shard.relations.get(name)?.columns.find((column) => column.name === rule.column)?.type
    const keyType = type === undefined ? undefined : keyTypeOf(type)
    if (keyType === undefined) continue
    const family = keyFamilies[keyType]
    // The same text is another instant as a timestamp than as a timestamptz.
    const kind = family === 'time' ? `${keyType} by ${rule.every}` : family
    const known = groups.get(rule.group)
    if (known === undefined) groups.set(rule.group, { table: name, kind })
    else if (known.kind !== kind) {
      problems.push({
        table: name,
        message: `tables "${known.table}" and "${name}" are in the colocation group "${rule.group}", but their shard keys are of different kinds (${known.kind}, ${kind})`,
      })
    }
  }
  return problems
}

/** A query of a parent reads its children's rows too: they must be placed as it is. */
function parentProblems(
  keyspace: KeyspaceExpectation,
  { catalog }: ShardRelations,
): readonly CatalogDifference[] {
  const lineage = lineageOf(catalog, keyspace)
  const problems: CatalogDifference[] = []
  for (const row of catalog.relations) {
    for (const parent of row.parents) {
      if (placementText(lineage.ruleOf(row.oid)) === placementText(lineage.ruleOf(parent))) continue
      const message = `table "${lineage.nameOf(row.oid)}" is a child or partition of "${lineage.nameOf(parent)}", but is placed otherwise; describe the parent, and children the same or not at all`
      problems.push({ table: lineage.nameOf(row.oid), message }, { table: lineage.nameOf(parent), message })
    }
  }
  return problems
}

function placementText(rule: TableRule = { strategy: 'unsharded' }): string {
  return isKeyedRule(rule)
    ? JSON.stringify([rule.strategy, rule.column, rule.group, rule.every])
    : rule.strategy
}
