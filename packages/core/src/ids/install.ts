import { missingFilling, missingProof, type DescribedRoutable } from '../catalog/routable-columns.ts'
import { isSameCondition } from '../catalog/same-condition.ts'
import type { ShardCatalog } from '../catalog/shard-catalog.ts'
import { ConfigError } from '../errors.ts'
import { runOnEach } from '../execution/each-shard.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { ShardMap } from '../sharding/shard-map.ts'
import { relationKey } from '../statement/catalog.ts'
import { alignClocks } from './align-clocks.ts'
import { inTransaction, withConnection, type Run } from './install-connection.ts'
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

/** What one shard lacks. */
interface Work {
  readonly keyspace: string
  /** It has no clock yet, or has lost it: existing ids say from when on it may count. */
  readonly isNew: boolean
  readonly script: InstallScript
  readonly tables: readonly {
    readonly table: TableScript
    readonly isFilled: boolean
    readonly unproved: readonly ColumnScript[]
  }[]
  readonly unchanged: readonly string[]
}

/**
 * Puts on every shard what routable ids need: the schema `shardline`, the clock, a trigger and a constraint for each
 * table. Safe to run again, and by several processes at once. Nothing is changed anywhere while rows contradict.
 *
 * @throws ConfigError CONFIG_INVALID for columns that cannot be routable, CATALOG_MISMATCH when existing rows have ids
 * that do not carry their bucket (with counts); ShardsError SHARDS_FAILED when a shard could not be reached or refused:
 * the others are done then, and running it again finishes the rest
 */
export async function install(engine: InstallEngine): Promise<InstallReport> {
  const works = workByShard(engine)
  const shards = [...works.keys()]
  refuse(await contradictions(engine, works))
  await prepareClocks(engine, works)
  const late: Contradiction[] = []
  const done = await runOnEach(shards, async (shard) => {
    const { tables, unchanged } = works.get(shard) as Work
    for (const each of tables) late.push(...(await installTable(shard, engine.primary(shard), each)))
    return { installed: tables.flatMap(({ table }) => namesOf(table)), unchanged }
  })
  refuse(late)
  return { shards: done }
}

/**
 * The script of each keyspace, which is the same on all of its shards.
 * @throws ConfigError CONFIG_INVALID for columns that cannot be routable
 */
export function scriptsByKeyspace(engine: InstallEngine): ReadonlyMap<string, InstallScript> {
  const problems = engine.described.flatMap((each) => each.problems)
  if (problems.length > 0) throw unfit(problems)
  const byKeyspace = new Map<string, DescribedRoutable[]>()
  for (const each of engine.described)
    byKeyspace.set(each.keyspace, [...(byKeyspace.get(each.keyspace) ?? []), each])
  return new Map(
    [...byKeyspace].map(([name, tables]) => [name, installScript(tables, (each) => engine.mapOf(each))]),
  )
}

function workByShard(engine: InstallEngine): ReadonlyMap<string, Work> {
  const scripts = scriptsByKeyspace(engine)
  const works = new Map<string, Work>()
  for (const [keyspace, script] of scripts) {
    const described = engine.described.filter((each) => each.keyspace === keyspace)
    for (const shard of described[0]?.shards ?? [])
      works.set(shard, { keyspace, ...workOf(script, described, engine, engine.perShard.get(shard)) })
  }
  return works
}

function workOf(
  script: InstallScript,
  described: readonly DescribedRoutable[],
  engine: InstallEngine,
  server: ShardCatalog | undefined,
): Omit<Work, 'keyspace'> {
  const tables = described.map((each) => {
    const map = engine.mapOf(each)
    const name = relationKey(each.table.schema, each.table.name)
    const table = script.tables.find((one) => one.table === name) as TableScript
    const unproved = table.columns.filter((_, index) => {
      const column = each.table.columns[index]
      return column !== undefined && missingProof(server, each, column, map) !== undefined
    })
    return { table, unproved, isFilled: missingFilling(server, each, map) === undefined }
  })
  const isDone = ({ isFilled, unproved }: (typeof tables)[number]) => isFilled && unproved.length === 0
  return {
    script,
    isNew: server?.relations.some(({ schema, name }) => schema === 'shardline' && name === 'ticks') !== true,
    tables: tables.filter((each) => !isDone(each)),
    unchanged: tables.filter(isDone).flatMap(({ table }) => namesOf(table)),
  }
}

function namesOf({ table, columns }: TableScript): readonly string[] {
  return columns.map(({ column }) => `${table}.${column}`)
}

/** Rows that no constraint could be validated over: looked for on all shards before anything is changed on any. */
async function contradictions(
  engine: InstallEngine,
  works: ReadonlyMap<string, Work>,
): Promise<readonly Contradiction[]> {
  const found = await runOnEach([...works.keys()], async (shard) => {
    const { tables = [] } = works.get(shard) ?? {}
    const wrong: Contradiction[] = []
    if (tables.every(({ unproved }) => unproved.length === 0)) return wrong
    await withConnection(engine.primary(shard), async (run) => {
      for (const { table, unproved } of tables) {
        for (const column of unproved) {
          const rows = await countOf(run, column)
          if (rows !== '0') wrong.push({ shard, table: table.table, constraint: column.constraint, rows })
        }
      }
    })
    return wrong
  })
  return [...found.values()].flat()
}

/** Functions and clocks, before any trigger uses them: behind no id that is there, and all of a keyspace alike. */
async function prepareClocks(engine: InstallEngine, works: ReadonlyMap<string, Work>): Promise<void> {
  await runOnEach([...works.keys()], async (shard) => {
    const { script, tables, isNew } = works.get(shard) as Work
    if (tables.length === 0 && !isNew) return
    await inTransaction(engine.primary(shard), async (run) => {
      for (const text of script.common) await run(text)
      const columns = isNew
        ? script.tables.flatMap((table) => table.columns)
        : tables.flatMap(({ unproved }) => unproved)
      for (const { latest } of columns) {
        if (latest === undefined) continue
        const [row] = await run(latest)
        await run('select shardline.raise_ticks($1)', [row?.['tick'] ?? '0'])
      }
    })
  })
  for (const keyspace of new Set([...works.values()].map((work) => work.keyspace))) {
    const shards = [...works].filter(([, work]) => work.keyspace === keyspace).map(([shard]) => shard)
    await alignClocks(shards, (shard) => engine.primary(shard))
  }
}

/** Returns the rows that came between the look and the constraint; the constraint is taken back then. */
async function installTable(
  shard: string,
  pool: NodePool,
  { table, isFilled, unproved }: Work['tables'][number],
): Promise<readonly Contradiction[]> {
  await inTransaction(pool, async (run) => {
    if (!isFilled) for (const text of table.trigger) await run(text)
    for (const { read, condition, drop, add } of unproved) {
      const [known] = await run(read)
      // Another process may have been faster.
      if (known !== undefined && isSameCondition(known['condition'] ?? '', condition)) continue
      await run(drop)
      await run(add)
    }
  })
  const wrong: Contradiction[] = []
  for (const column of unproved) {
    const rows = await validate(pool, column)
    if (rows !== '0') wrong.push({ shard, table: table.table, constraint: column.constraint, rows })
  }
  return wrong
}

/** Checks all rows, while others write; how many contradict. */
async function validate(pool: NodePool, column: ColumnScript): Promise<string> {
  try {
    await withConnection(pool, async (run) => {
      await run('begin')
      await run('set local statement_timeout = 0')
      await run(column.validate)
      await run('commit')
    })
    return '0'
  } catch (error) {
    if ((error as { code?: unknown }).code !== '23514') throw error
    return await withConnection(pool, async (run) => {
      const rows = await countOf(run, column)
      await run(column.drop)
      return rows
    })
  }
}

async function countOf(run: Run, { count }: ColumnScript): Promise<string> {
  const [row] = await run(count)
  return row?.['count'] ?? '0'
}

function unfit(problems: readonly string[]): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `Routable ids cannot be installed:\n${problems.map((line) => `- ${line}`).join('\n')}\nNothing was changed.`,
    { details: { problems } },
  )
}

function refuse(found: readonly Contradiction[]): void {
  if (found.length === 0) return
  const lines = found.map(
    ({ shard, table, constraint, rows }) =>
      `- "${table}" on shard "${shard}": ${rows} row${rows === '1' ? '' : 's'} would violate "${constraint}"`,
  )
  throw new ConfigError(
    'CATALOG_MISMATCH',
    `Some rows have ids that do not carry the bucket of their shard key, so the columns cannot be routable:\n${lines.join('\n')}\nGive those rows ids of router.id(…) or router.uuid(…), or do not describe the columns as routable. These tables are as they were.`,
    { details: { contradictions: found } },
  )
}
