import { ConfigError } from '../errors.ts'
import { isKeyed, type ClusterConfig, type KeyedTableConfig, type TableConfig } from './cluster-config.ts'
import { tablesSchema, type TableShape } from './cluster-schema.ts'
import { invalidCluster, issuesOf, type ConfigIssue } from './config-issues.ts'
import type { TableDescription } from './table-description.ts'

interface Naming {
  readonly keyspace: string
  /** With several keyspaces, group names start with the keyspace's: equal groups must mean equal shards. */
  readonly areGroupsQualified: boolean
  readonly isGuarded: boolean
  /** What holds for a description that says nothing of routable columns. */
  readonly routable: readonly string[] | undefined
}

/** A table as it was written, with its schema, group and guard filled in. */
export function describeTable(written: string, description: TableShape, naming: Naming): TableConfig {
  const [first = '', second] = written.split('.')
  const schema = second === undefined ? 'public' : first
  const name = second ?? first
  const { keyspace } = naming
  if (description.strategy === 'reference' || description.strategy === 'unsharded') {
    return Object.freeze({ schema, name, keyspace, strategy: description.strategy })
  }
  const group = description.group ?? (description.strategy === 'tenant' ? 'tenant' : `${schema}.${name}`)
  const isTenant = description.strategy === 'tenant'
  return Object.freeze({
    schema,
    name,
    keyspace,
    strategy: description.strategy,
    keyColumn: description.column,
    group: naming.areGroupsQualified ? `${keyspace}.${group}` : group,
    every: description.strategy === 'time' ? description.every : undefined,
    isGuarded:
      isTenant && (description.guard === undefined ? naming.isGuarded : description.guard === 'required'),
    routable:
      description.strategy === 'time' ? undefined : (description.routable?.toSorted() ?? naming.routable),
  })
}

/** Tables of one group must place equal keys alike. */
export function groupIssues(tables: Iterable<TableConfig>, path: string): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const firsts = new Map<string, KeyedTableConfig>()
  for (const table of tables) {
    if (!isKeyed(table)) continue
    const first = firsts.get(table.group)
    if (first === undefined) firsts.set(table.group, table)
    else if (first.strategy !== table.strategy || first.every !== table.every) {
      issues.push({
        path: `${path}.${table.schema}.${table.name}`,
        message: `its group "${table.group}" places keys by ${wordsOf(first)} for "${first.schema}.${first.name}", and by ${wordsOf(table)} here. Tables of a group share their strategy: name another group`,
      })
    }
  }
  return issues
}

/**
 * The configuration with tables that were described elsewhere, such as in a model's annotations, added. A table that
 * is there already must be described the same.
 * @throws ConfigError CONFIG_INVALID for malformed descriptions, CONFIG_CONFLICT listing all tables that differ
 */
export function mergeTables(
  config: ClusterConfig,
  tables: Readonly<Record<string, TableDescription>>,
): ClusterConfig {
  const parsed = tablesSchema.safeParse(tables)
  if (!parsed.success) throw invalidCluster(issuesOf(parsed.error).map((issue) => ({ ...issue, path: `tables.${issue.path}` }))) // prettier-ignore
  const added = new Map<string, Map<string, TableConfig>>()
  const conflicts: string[] = []
  for (const [written, description] of Object.entries(parsed.data)) {
    const keyspace = keyspaceOf(config, written)
    const name = tableName(written)
    const known = added.get(keyspace)?.get(name) ?? config.keyspaces.get(keyspace)?.tables.get(name)
    const table = describeTable(written, description, {
      keyspace,
      areGroupsQualified: config.keyspaces.size > 1,
      // A model that says nothing of the guard does not contradict the cluster that does.
      isGuarded: known !== undefined && isKeyed(known) ? known.isGuarded : config.isGuarded,
      routable: known !== undefined && isKeyed(known) ? known.routable : undefined,
    })
    if (known !== undefined && !isSame(known, table)) {
      conflicts.push(`"${name}" is described as ${wordsOf(known)}, and elsewhere as ${wordsOf(table)}`)
    }
    if (!added.has(keyspace)) added.set(keyspace, new Map())
    added.get(keyspace)?.set(name, table)
  }
  if (conflicts.length > 0) {
    throw new ConfigError(
      'CONFIG_CONFLICT',
      `Tables are described twice and differently:\n${conflicts.map((line) => `  ${line}`).join('\n')}\nDescribe each the same everywhere, or only once.`,
      { details: { conflicts } },
    )
  }
  const keyspaces = new Map(
    [...config.keyspaces].map(([name, keyspace]) => [
      name,
      Object.freeze({ ...keyspace, tables: new Map([...keyspace.tables, ...(added.get(name) ?? [])]) }),
    ]),
  )
  const issues = [...keyspaces.values()].flatMap((keyspace) =>
    groupIssues(keyspace.tables.values(), 'tables'),
  )
  if (issues.length > 0) throw invalidCluster(issues)
  return Object.freeze({ ...config, keyspaces })
}

/** A description that says nothing of routable columns does not contradict one that does. */
function isSame(known: TableConfig, table: TableConfig): boolean {
  const said = isKeyed(known) && known.routable === undefined && isKeyed(table) ? { ...known, routable: table.routable } : known // prettier-ignore
  return JSON.stringify(said) === JSON.stringify(table)
}

function tableName(written: string): string {
  return written.includes('.') ? written : `public.${written}`
}

function keyspaceOf(config: ClusterConfig, written: string): string {
  const name = tableName(written)
  for (const keyspace of config.keyspaces.values()) if (keyspace.tables.has(name)) return keyspace.name
  const [only] = config.keyspaces.keys()
  if (only !== undefined && config.keyspaces.size === 1) return only
  throw invalidCluster([
    {
      path: `tables.${written}`,
      message: `nothing says in which keyspace it lives. Describe it in defineCluster({ keyspaces: { … } }); there are ${[...config.keyspaces.keys()].join(', ')}`,
    },
  ])
}

function wordsOf(table: TableConfig): string {
  if (!isKeyed(table)) return `${table.strategy}()`
  const every = table.every === undefined ? '' : ` every ${table.every}`
  const guard = table.isGuarded ? ', guarded' : ''
  const routable =
    table.routable === undefined ? '' : `, routable ${table.routable.map((name) => `"${name}"`).join(', ')}`
  return `${table.strategy} "${table.keyColumn}"${every} (group "${table.group}"${guard}${routable})`
}
