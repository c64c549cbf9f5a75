import { shardlinePlugin } from '@shardline/kysely-plugin'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { startBenchCluster } from './bench-cluster.ts'
import { interleave, type VariantFigures } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import { printVariants, type Figure } from './report.ts'

interface Database {
  orders: { tenant_id: number; id: string; total: string; status: string; placed_at: Date }
}

/** The same Kysely queries over Kysely's own dialect and over Shardline's, against the same server. */
export async function kyselyFigures({ rounds, scale }: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(2)
  const router = await bench.router()
  const plugin = shardlinePlugin<Database>(router, {})
  const alone = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: bench.urls[0], max: 10 }) }),
  })
  const routed = new Kysely<Database>({ dialect: plugin.dialect(), plugins: [plugin] })
  let turn = 0
  const tenantId = (): number => {
    turn += 1
    return bench.tenants[turn % bench.tenants.length] as number
  }
  const point = (db: Kysely<Database>) => () =>
    db
      .selectFrom('orders')
      .select(['id', 'total', 'status'])
      .where('tenant_id', '=', tenantId())
      .where('id', '=', String(1 + (turn % 50)))
      .executeTakeFirst()
  const list = (db: Kysely<Database>) => () =>
    db.selectFrom('orders').selectAll().where('tenant_id', '=', tenantId()).orderBy('id').limit(50).execute()
  const write = (db: Kysely<Database>) => () =>
    db
      .updateTable('orders')
      .set({ status: 'paid' })
      .where('tenant_id', '=', tenantId())
      .where('id', '=', String(1 + (turn % 50)))
      .execute()
  try {
    const figures: Figure[] = []
    for (const [name, job, operations] of [
      ['point select', point, 3000],
      ['list of 50', list, 1000],
      ['update', write, 2000],
    ] as const) {
      for (const callers of [1, 16]) {
        const variants = await interleave(
          [
            { name: 'Kysely alone', run: job(alone) },
            { name: 'Kysely with Shardline', run: job(routed) },
          ],
          { callers, operations: Math.round(operations * scale), rounds },
        )
        console.log(
          printVariants(`Kysely, ${name}, ${callers} ${callers === 1 ? 'caller' : 'callers'}`, variants),
        )
        figures.push({
          what: `Kysely with Shardline against Kysely alone, ${name}, ${callers} callers`,
          value: (variants[1] as VariantFigures).ratio,
          unit: '×',
          target: { relation: '≥', value: 1 },
        })
      }
    }
    return figures
  } finally {
    await alone.destroy()
    await routed.destroy()
    await router.end()
    await bench.stop()
  }
}
