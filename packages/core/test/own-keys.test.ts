import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { entity, tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'

// What each server was sent is read from its own log.

let cluster: Cluster
let router: Router
/** The same rows in one database. */
let plain: pg.Pool

const schema = `
  create table features (id bigint primary key, n int not null default 0);
  create table orders (tenant_id int not null, id bigint not null, note text, primary key (tenant_id, id));
`
const keys = Array.from({ length: 60 }, (_, index) => index + 1)

beforeAll(async () => {
  cluster = await startCluster({
    shards: 3,
    replicas: 0,
    conf: { log_statement: 'all', log_parameter_max_length: -1, max_prepared_transactions: 20 },
  })
  await cluster.sql(schema)
  const [first] = cluster.shards
  await first?.primary.sql('create database one')
  plain = new pg.Pool({ connectionString: first?.primary.url.replace(/\/postgres$/, '/one'), max: 1 })
  await plain.query(schema)
  router = await createRouter(
    defineCluster({
      shards: cluster.urls,
      tables: { features: entity('id'), orders: tenant('tenant_id') },
    }),
    { pg },
  )
  for (const pool of [plain, router.pool]) {
    await pool.query(`insert into features (id) values ${keys.map((key) => `(${key})`).join(', ')}`)
    await pool.query(
      `insert into orders values ${keys.map((key) => `(${key % 20}, ${key}, 'note ${key % 7}')`).join(', ')}`,
    )
  }
})

afterAll(async () => {
  await router?.end()
  await plain?.end()
  await cluster?.stop()
})

function shardOf(table: 'features' | 'orders', key: unknown): string {
  const column = table === 'features' ? 'id' : 'tenant_id'
  const { route } = router.explain(`select 1 from ${table} where ${column} = $1`, [key])
  return route.kind === 'single' ? route.shard : 'several'
}

interface Sent {
  readonly text: string
  /** As the server's log has them. */
  readonly values: readonly string[]
}

/** What every shard was sent while `run` ran, of what contains `mark`. */
async function sentWhile(
  mark: string,
  run: () => Promise<unknown>,
): Promise<ReadonlyMap<string, readonly Sent[]>> {
  const before = cluster.shards.map((shard) => shard.primary.log.length)
  await run()
  return new Map(
    cluster.shards.map((shard, index) => {
      const log = shard.primary.log.slice(before[index])
      const found = [...log.matchAll(/LOG: {2}execute [^:]+: (.*)\n(?:.*DETAIL: {2}[Pp]arameters: (.*)\n)?/g)]
      return [
        shard.name,
        found
          .map(([, text = '', values = '']) => ({
            text,
            values: [...values.matchAll(/\$\d+ = (?:'((?:[^']|'')*)'|NULL)/g)].map(
              ([, value]) => value ?? 'NULL',
            ),
          }))
          .filter(({ text }) => text.includes(mark)),
      ]
    }),
  )
}

describe('a list of keys for several shards', () => {
  it('as an array: each shard gets its own elements', async () => {
    const sent = await sentWhile('features', async () => {
      const { rows } = await router.pool.query('select id from features where id = any($1) order by id', [
        keys,
      ])
      expect(rows.map((row: { id: string }) => Number(row.id))).toEqual(keys)
    })
    for (const [shard, queries] of sent) {
      const own = keys.filter((key) => shardOf('features', key) === shard)
      expect(queries.map(({ values }) => values)).toEqual([[`{${own.join()}}`]])
    }
  })
})
