import { createRouter, defineCluster, entity } from '@shardline/core'
import { startCluster } from '@shardline/local-cluster'
import pg from 'pg'
import { against, interleave, type Variant, type VariantFigures } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import type { Figure } from './report.ts'

const shards = 4
const entities = 40_000
const table =
  'create table features (entity_id bigint primary key, clicks int not null, score float8 not null)'

/** Many keys in one statement over four shards: each shard gets its own, or the whole list, against one PostgreSQL. */
export async function batchFigures({ rounds, roundMs, record }: BenchOptions): Promise<readonly Figure[]> {
  const cluster = await startCluster({ shards: shards + 1, conf: { max_prepared_transactions: 20 } })
  await cluster.sql(table)
  const router = await createRouter(
    defineCluster({
      shards: Object.fromEntries(Object.entries(cluster.urls).slice(0, shards)),
      tables: { features: entity('entity_id') },
    }),
    { pg },
  )
  const one = new pg.Pool({ connectionString: cluster.shards.at(-1)?.primary.url, max: 10 })
  const fill = 'insert into features select * from unnest($1::bigint[], $2::int[], $3::float8[])'
  const all = Array.from({ length: entities }, (_, index) => index + 1)
  for (const pool of [one, router.pool]) await pool.query(fill, [all, all, all])
  await cluster.sql('vacuum analyze features')

  let turn = 0
  const someKeys = (count: number): number[] => {
    turn += 1
    return Array.from({ length: count }, (_, index) => 1 + ((turn * 7919 + index * 37) % entities))
  }
  const figures: Figure[] = []
  const state = (what: string, own: VariantFigures | undefined, base: VariantFigures | undefined): void => {
    if (own === undefined || base === undefined) return
    figures.push(
      { what, value: against(own, base, 'throughput'), unit: '×', target: undefined },
      { what: '  client CPU', value: against(own, base, 'cpuMicros'), unit: '×', target: undefined },
    )
  }
  const compare = (variants: readonly Variant[]): Promise<readonly VariantFigures[]> =>
    interleave(variants, { callers: 1, roundMs, rounds })
  try {
    for (const count of [10, 100, 1_000]) {
      const measured = await compare([
        { name: 'IN, one PostgreSQL', run: () => one.query(inText(count), someKeys(count)) },
        {
          name: 'IN, 4 shards, whole lists',
          run: () => router.pool.query(inText(count, true), someKeys(count)),
        },
        { name: 'IN, 4 shards, own items', run: () => router.pool.query(inText(count), someKeys(count)) },
        { name: 'ANY, one PostgreSQL', run: () => one.query(anyText(), [someKeys(count)]) },
        {
          name: 'ANY, 4 shards, whole arrays',
          run: () => router.pool.query(anyText(true), [someKeys(count)]),
        },
        { name: 'ANY, 4 shards, own elements', run: () => router.pool.query(anyText(), [someKeys(count)]) },
      ])
      record(`a read of ${count} keys, 1 caller`, measured)
      state(`IN of ${count} keys over 4 shards: own items against whole lists`, measured[2], measured[1])
      state(`ANY of ${count} keys over 4 shards: own elements against whole arrays`, measured[5], measured[4])
    }
    const rows = 1_000
    const columns = (): number[][] => {
      const keys = someKeys(rows)
      return [keys, keys, keys]
    }
    const written = await compare([
      { name: 'unnest, one PostgreSQL', run: () => one.query(`${fill}${orUpdate}`, columns()) },
      { name: 'unnest, 4 shards', run: () => router.pool.query(`${fill}${orUpdate}`, columns()) },
      {
        name: 'VALUES, one PostgreSQL',
        run: () => one.query(valuesText(rows), someKeys(rows).flatMap(tripled)),
      },
      {
        name: 'VALUES, 4 shards',
        run: () => router.pool.query(valuesText(rows), someKeys(rows).flatMap(tripled)),
      },
    ])
    record(`an INSERT of ${rows} rows, or their update, 1 caller`, written)
    state(`INSERT of ${rows} rows over 4 shards: unnest against VALUES`, written[1], written[3])
    return figures
  } finally {
    await Promise.all([router.end(), one.end()])
    await cluster.stop()
  }
}

const texts = new Map<string, string>()

function kept(key: string, make: () => string): string {
  let text = texts.get(key)
  if (text === undefined) texts.set(key, (text = make()))
  return text
}

/** A list is sent whole where one of its parameters stands somewhere else, too. */
function inText(count: number, isWhole = false): string {
  return kept(`in ${count} ${isWhole}`, () => {
    const items = Array.from({ length: count }, (_, index) => `$${index + 1}`)
    return `select * from features where entity_id in (${items.join(', ')})${isWhole ? ' and $1 is not null' : ''}`
  })
}

function anyText(isWhole = false): string {
  return `select * from features where entity_id = any($1)${isWhole ? ' and $1 is not null' : ''}`
}

const orUpdate = ' on conflict (entity_id) do update set clicks = excluded.clicks, score = excluded.score'

function valuesText(count: number): string {
  return kept(`values ${count}`, () => {
    const rows = Array.from({ length: count }, (_, n) => `($${n * 3 + 1}, $${n * 3 + 2}, $${n * 3 + 3})`)
    return `insert into features values ${rows.join(', ')}${orUpdate}`
  })
}

const tripled = (key: number): number[] => [key, key, key]
