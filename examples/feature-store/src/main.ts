import { readFileSync } from 'node:fs'
import { createRouter } from '@shardline/core'
import { shardlinePlugin } from '@shardline/kysely-plugin'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import { Kysely, PostgresDialect, type Insertable } from 'kysely'
import { Pool } from 'pg'
import { describeCluster } from './cluster-config.ts'
import { compare, tableNames, wholeTable, type Both } from './comparison.ts'
import { onceAbandoned } from './launcher.ts'
import { load } from './load.ts'
import { Observation } from './observation.ts'
import { printStep } from './report.ts'
import { steps } from './steps.ts'
import type { Database } from './tables.ts'
import { bold, dim, green, print, red, startProgress, thousands } from './terminal.ts'
import { readAirports, readFlights, readReadings } from './vega-data.ts'

const startedAt = performance.now()
const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`

async function startServers(): Promise<readonly [cluster: Cluster, single: Cluster]> {
  print(
    `\n${bold('Shardline')}  a feature store on sharded PostgreSQL, checked against a single one\n\n  ${bold('Servers')}`,
  )
  const schema = readFileSync(new URL('schema.sql', import.meta.url), 'utf8')
  const servers = await Promise.all([startCluster({ shards: 2, replicas: 1 }), startCluster()])
  await Promise.all(servers.map((each) => each.sql(schema)))
  await servers[0].waitForReplay()
  for (const shard of servers[0].shards) {
    const replicas = shard.replicas.map((replica) => `replica :${replica.port}`).join('   ')
    print(`    ${green('✓')} ${shard.name.padEnd(8)} primary :${shard.primary.port}   ${replicas}`)
  }
  print(
    `    ${green('✓')} ${'single'.padEnd(8)} primary :${servers[1].nodes[0]?.port}   ${dim('the same data, to compare with')}`,
  )
  print(dim(`      5 PostgreSQL servers after ${seconds()}\n`))
  return servers
}

async function loadTable<Table extends keyof Database>(
  { sharded, single }: Both,
  cluster: Cluster,
  table: Table,
  strategy: string,
  rows: readonly Insertable<Database[Table]>[],
): Promise<void> {
  const progress = startProgress(table.padEnd(10), rows.length)
  await Promise.all([load(sharded, table, rows, progress.update), load(single, table, rows, () => undefined)])
  const counts = await Promise.all(
    cluster.shards.map(async ({ name, primary }) => {
      const [row] = await primary.sql<{ count: string }>(`select count(*) from ${table}`)
      return `${name} ${thousands(Number(row?.count)).padStart(6)}`
    }),
  )
  progress.finish(`${thousands(rows.length).padStart(6)} rows   ${strategy.padEnd(30)} ${counts.join('   ')}`)
}

async function loadData(both: Both, cluster: Cluster): Promise<void> {
  print(`  ${bold('Data')}  ${dim('npm package vega-datasets')}`)
  await loadTable(both, cluster, 'airports', 'reference: whole everywhere', readAirports())
  await loadTable(both, cluster, 'flights', 'tenant: by origin', readFlights())
  await loadTable(both, cluster, 'readings', 'time: by month', readReadings())
}

/** Every step on both sides; true when all agreed. */
async function runApplication(both: Both, observation: Observation): Promise<boolean> {
  const tally = { equal: 0, refused: 0, different: 0 }
  observation.take()
  for (const [index, step] of steps.entries()) {
    const outcome = await compare(both, step)
    tally[outcome.verdict] += 1
    printStep(both.router, index + 1, step, observation.take(), outcome)
  }
  print(`\n  ${bold('In the end')}`)
  for (const table of tableNames) {
    const outcome = await compare(both, wholeTable(table))
    tally[outcome.verdict] += 1
    const rows = outcome.verdict === 'refused' ? [] : (outcome.result as unknown[])
    const mark = outcome.verdict === 'equal' ? green('=') : red('≠')
    print(`    ${mark} ${table.padEnd(15)} ${thousands(rows.length).padStart(6)} rows, ${outcome.verdict}`)
  }
  const verdict = `${tally.equal} results equal, ${tally.refused} refused as they must be, ${tally.different} different`
  print(
    `\n  ${tally.different === 0 ? green('✓') : red('✗')} ${bold(verdict)}  ${dim(`after ${seconds()}`)}\n`,
  )
  return tally.different === 0
}

// However this process ends, the servers and their data go with it: there is nothing to wait for.
process.once('SIGINT', () => {
  print('\n  Stopped.')
  process.exit(130)
})
onceAbandoned(() => process.exit(1))

const [cluster, lone] = await startServers()

try {
  const observation = new Observation()
  const router = await createRouter(describeCluster(cluster.urls))
  const shardline = shardlinePlugin<Database>(router)
  const sharded = new Kysely<Database>({
    dialect: shardline.dialect(),
    plugins: [shardline],
    log: observation.log,
  })
  const pool = new Pool({ connectionString: lone.nodes[0]?.url })
  const single = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  const both = { router, sharded, single }
  await loadData(both, cluster)
  process.exitCode = (await runApplication(both, observation)) ? 0 : 1
  await Promise.all([sharded.destroy(), single.destroy()])
  await router.end()
} finally {
  await Promise.all([cluster.stop(), lone.stop()])
}
