import { lacksOf, type DescribedRoutable } from '../catalog/routable-columns.ts'
import type { ShardCatalog } from '../catalog/shard-catalog.ts'
import { ConfigError } from '../errors.ts'
import { runOnEach } from '../execution/each-shard.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { ShardMap } from '../sharding/shard-map.ts'
import { relationKey } from '../statement/catalog.ts'
import { installScript, type ColumnScript, type InstallScript, type TableScript } from './install-script.ts'

/** What `install` needs of the router. */
export interface InstallEngine {
  readonly described: readonly DescribedRoutable[]
  readonly perShard: ReadonlyMap<string, ShardCatalog>
  mapOf(each: DescribedRoutable): ShardMap
  primary(shard: string): NodePool
}

/** What `router.install()` did on each shard, by `schema.table.column`. */
export interface InstallReport {
  readonly shards: ReadonlyMap<
    string,
    { readonly installed: readonly string[]; readonly unchanged: readonly string[] }
  >
}

interface Contradiction {
  readonly shard: string
  readonly table: string
  readonly constraint: string
  readonly rows: string
}

/**
 * Puts on every shard what routable ids need: the schema `shardline`, the clock, a trigger and a constraint for each
 * table. Safe to run again, and by several processes at once. A column whose rows contradict keeps what it had.
 *
 * @throws ConfigError CATALOG_MISMATCH when existing rows have ids that do not carry their bucket (with counts);
 * DatabaseError SHARDS_FAILED when a shard could not be reached or refused; the others are done then
 */
export async function install(engine: InstallEngine): Promise<InstallReport> {
  const scripts = scriptsByShard(engine)
  const contradictions: Contradiction[] = []
  const done = await runOnEach([...scripts.keys()], (shard) =>
    installOn(shard, engine, scripts.get(shard) as InstallScript, contradictions),
  )
  await alignClocks(engine, scripts)
  if (contradictions.length > 0) throw contradicted(contradictions)
  return { shards: done }
}

export function scriptsByShard(engine: InstallEngine): ReadonlyMap<string, InstallScript> {
  const byShard = new Map<string, DescribedRoutable[]>()
  for (const each of engine.described) {
    for (const shard of each.shards) byShard.set(shard, [...(byShard.get(shard) ?? []), each])
  }
  return new Map(
    [...byShard].map(([shard, each]) => [shard, installScript(each, (one) => engine.mapOf(one))]),
  )
}

async function installOn(
  shard: string,
  engine: InstallEngine,
  script: InstallScript,
  contradictions: Contradiction[],
) {
  const report = { installed: [] as string[], unchanged: [] as string[] }
  const wanted = script.tables.map((table) => ({ table, columns: [] as ColumnScript[] }))
  for (const each of wanted) {
    const described = engine.described.find(
      ({ table, shards }) =>
        shards.includes(shard) && relationKey(table.schema, table.name) === each.table.table,
    )
    for (const column of each.table.columns) {
      const lacks =
        described === undefined
          ? {}
          : lacksOf(engine.perShard.get(shard), described, column.column, engine.mapOf(described))
      const isComplete = lacks.proof === undefined && lacks.filling === undefined
      if (!isComplete) each.columns.push(column)
      else report.unchanged.push(`${each.table.table}.${column.column}`)
    }
  }
  const missing = wanted.filter(({ columns }) => columns.length > 0)
  if (missing.length === 0) return report
  const pool = engine.primary(shard)
  const connection = await pool.lease()
  try {
    await inOneTransaction(connection, script.common)
    for (const { table, columns } of missing) {
      const wrong = await installTable(connection, table, columns)
      for (const column of columns) {
        const rows = wrong.get(column)
        if (rows === undefined) report.installed.push(`${table.table}.${column.column}`)
        else contradictions.push({ shard, table: table.table, constraint: column.constraint, rows })
      }
    }
    pool.release(connection)
  } catch (error) {
    pool.release(connection, error instanceof Error ? error : new Error(String(error)))
    throw error
  }
  return report
}

/** The columns whose rows contradict, and how many do; those of a table are installed all or none. */
async function installTable(
  connection: Connection,
  { trigger }: TableScript,
  columns: readonly ColumnScript[],
): Promise<ReadonlyMap<ColumnScript, string>> {
  const wrong = new Map<ColumnScript, string>()
  for (const column of columns) {
    // Before anything is changed, and without a lock that writers would wait for.
    const rows = await countOf(connection, column)
    if (rows !== '0') wrong.set(column, rows)
  }
  if (wrong.size > 0) return wrong
  await inOneTransaction(connection, [...trigger, ...columns.flatMap(({ drop, add }) => [drop, add])])
  for (const column of columns) {
    try {
      await connection.query({ text: column.validate })
    } catch (error) {
      if ((error as { code?: unknown }).code !== '23514') throw error
      const rows = await countOf(connection, column)
      await connection.query({ text: column.drop })
      wrong.set(column, rows)
    }
  }
  return wrong
}

async function countOf(connection: Connection, { count }: ColumnScript): Promise<string> {
  const { rows } = await connection.query({ text: count })
  return (rows[0] as { count: string } | undefined)?.count ?? '0'
}

/** One installer at a time: `create or replace` of one function by two sessions fails otherwise. */
async function inOneTransaction(connection: Connection, statements: readonly string[]): Promise<void> {
  await connection.query({ text: 'begin' })
  try {
    await connection.query({ text: 'select pg_catalog.pg_advisory_xact_lock(7815, 2)' })
    for (const text of statements) await connection.query({ text })
    await connection.query({ text: 'commit' })
  } catch (error) {
    await connection.query({ text: 'rollback' }).catch(() => undefined)
    throw error
  }
}

/** No shard's clock may be behind the ids of a bucket that another shard had before. */
async function alignClocks(
  engine: InstallEngine,
  scripts: ReadonlyMap<string, InstallScript>,
): Promise<void> {
  const keyspaces = new Map(engine.described.map(({ keyspace, shards }) => [keyspace, shards]))
  for (const shards of keyspaces.values()) {
    const known = shards.filter((shard) => scripts.has(shard))
    const ticks = await runOnEach(known, async (shard) => {
      const { rows } = await engine
        .primary(shard)
        .execute({ text: 'select last_value::text as tick from shardline.ticks' })
      return BigInt((rows[0] as { tick: string } | undefined)?.tick ?? '0')
    })
    const latest = [...ticks.values()].reduce((a, b) => (a > b ? a : b), 0n)
    const behind = known.filter((shard) => (ticks.get(shard) ?? 0n) < latest)
    await runOnEach(behind, (shard) =>
      engine.primary(shard).execute({ text: 'select shardline.raise_ticks($1)', values: [String(latest)] }),
    )
  }
}

function contradicted(contradictions: readonly Contradiction[]): ConfigError {
  const lines = contradictions.map(
    ({ shard, table, constraint, rows }) =>
      `- "${table}" on shard "${shard}": ${rows} row${rows === '1' ? '' : 's'} would violate "${constraint}"`,
  )
  return new ConfigError(
    'CATALOG_MISMATCH',
    `Some rows have ids that do not carry the bucket of their shard key, so the columns cannot be routable:\n${lines.join('\n')}\nGive those rows ids of router.id(…) or router.uuid(…), or do not describe the columns as routable. Other tables are done.`,
    { details: { contradictions } },
  )
}
