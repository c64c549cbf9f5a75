import { ConfigError } from '../errors.ts'
import { keyFamilies, type KeyFamily } from '../statement/key-type.ts'
import type { Relation } from '../statement/catalog.ts'
import { keyTypeOf } from './key-types.ts'
import type { SessionSettings } from './shard-catalog.ts'
import type { KeyspaceExpectation, TableRule } from './table-rules.ts'

/** One shard's relations under its name. */
export interface ShardRelations {
  readonly shard: string
  readonly settings: SessionSettings
  readonly relations: ReadonlyMap<string, Relation>
  /** Labels of enum types by `schema.name`. */
  readonly enums: ReadonlyMap<string, readonly string[]>
}

/**
 * Compares what the shards of one keyspace say about the described tables, with each other and with the
 * description. Returns every difference; nothing is reported twice because one shard lacks a table.
 */
export function catalogDifferences(keyspace: KeyspaceExpectation, shards: readonly ShardRelations[]): readonly string[] {
  const differences: string[] = []
  for (const { shard, settings } of shards) {
    if (settings.standardConformingStrings !== 'on') {
      differences.push(`shard "${shard}": standard_conforming_strings is off; the parser reads strings as if it were on`)
    }
    if (settings.encoding !== 'UTF8') {
      differences.push(`shard "${shard}": the database's encoding is ${settings.encoding}, but text keys are hashed as UTF8`)
    }
  }
  for (const [name, rule] of keyspace.tables) {
    const wanted = rule.strategy === 'unsharded' ? shards.filter(({ shard }) => shard === keyspace.home) : shards
    const holders = wanted.filter(({ shard, relations }) => {
      if (relations.has(name)) return true
      differences.push(`table "${name}" does not exist on shard "${shard}"`)
      return false
    })
    const [first, ...others] = holders
    if (first === undefined) continue
    if (rule.strategy !== 'reference' && rule.strategy !== 'unsharded') {
      for (const holder of holders) differences.push(...keyProblems(name, rule, holder))
    }
    const expected = shapeOf(first, name)
    for (const other of others) {
      const actual = shapeOf(other, name)
      for (const [aspect, value] of Object.entries(expected)) {
        if (actual[aspect as keyof typeof expected] !== value) {
          differences.push(`table "${name}": ${aspect} differ between shards "${first.shard}" and "${other.shard}"`)
        }
      }
    }
  }
  differences.push(...groupProblems(keyspace, shards[0]))
  return differences
}

/** @throws ConfigError CATALOG_MISMATCH that lists every difference. */
export function refuseDifferences(differences: readonly string[]): void {
  if (differences.length === 0) return
  throw new ConfigError(
    'CATALOG_MISMATCH',
    `The shards and the cluster's description do not agree:\n${differences.map((line) => `- ${line}`).join('\n')}\nBring the schemas in line (router.eachShard runs a migration on every shard), or correct the description.`,
    { details: { differences } },
  )
}

function keyProblems(
  name: string,
  rule: Exclude<TableRule, { strategy: 'reference' | 'unsharded' }>,
  { shard, relations }: ShardRelations,
): readonly string[] {
  const column = relations.get(name)?.columns.find((each) => each.name === rule.column)
  if (column === undefined) return [`table "${name}" has no column "${rule.column}" on shard "${shard}"`]
  const problems: string[] = []
  const where = `shard key "${name}"."${rule.column}" on shard "${shard}"`
  const keyType = keyTypeOf(column.type)
  if (keyType === undefined) {
    problems.push(`${where} has type ${column.type}; a key may be an integer, text, uuid, date or timestamp`)
  } else if ((keyFamilies[keyType] === 'time') !== (rule.strategy === 'time')) {
    problems.push(`${where} has type ${column.type}, which does not fit the ${rule.strategy} strategy`)
  }
  if (!column.notNull) problems.push(`${where} may be NULL; declare it NOT NULL`)
  if (column.collation?.isDeterministic === false) {
    problems.push(`${where} has a nondeterministic collation, under which equal keys need not have equal bytes`)
  }
  return problems
}

/** What has to be the same on every shard, as comparable text. */
function shapeOf({ relations, enums }: ShardRelations, name: string): Readonly<Record<'columns' | 'unique keys' | 'kinds' | 'enum labels', string>> {
  const relation = relations.get(name)
  const columns = relation?.columns ?? []
  return {
    kinds: relation?.kind === 'partitioned' ? 'table' : String(relation?.kind),
    columns: columns
      .map((column) => `${column.name} ${column.type} ${column.notNull} ${column.collation?.name ?? ''}`)
      .join('\n'),
    'unique keys': (relation?.uniqueKeys ?? [])
      .map((key) => key.join(','))
      .sort()
      .join('\n'),
    'enum labels': columns.map((column) => enums.get(column.type)?.join(',') ?? '').join('\n'),
  }
}

/** Equal keys of one colocation group hash equally only within one family of types. */
function groupProblems(keyspace: KeyspaceExpectation, shard: ShardRelations | undefined): readonly string[] {
  const groups = new Map<string, { readonly family: KeyFamily; readonly table: string; readonly every: string | undefined }>()
  const problems: string[] = []
  for (const [name, rule] of keyspace.tables) {
    if (rule.strategy === 'reference' || rule.strategy === 'unsharded') continue
    const type = shard?.relations.get(name)?.columns.find((column) => column.name === rule.column)?.type
    const keyType = type === undefined ? undefined : keyTypeOf(type)
    if (keyType === undefined) continue
    const family = keyFamilies[keyType]
    const known = groups.get(rule.group)
    if (known === undefined) groups.set(rule.group, { family, table: name, every: rule.every })
    else if (known.family !== family || known.every !== rule.every) {
      problems.push(
        `tables "${known.table}" and "${name}" are in the colocation group "${rule.group}", but their shard keys are of different kinds`,
      )
    }
  }
  return problems
}
