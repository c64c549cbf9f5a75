import { startCluster } from '@shardline/local-cluster'
import pg from 'pg'
import { defineCluster } from '../src/config/define-cluster.ts'
import { entity, tenant, time } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'

/** The same rows on three shards and in one database, and what each shard was sent, as its own log has it. */
export interface TwoSides {
  readonly router: Router
  readonly plain: pg.Pool
  /** Ids of `invoices`, which carry the bucket of their tenant, with that tenant. */
  readonly refs: readonly (readonly [ref: string, tenant: number])[]
  /** Where the rows with a key, or a routable id, lie by a statement about it alone. */
  shardOf(table: Table, key: unknown): string
  /** What every shard was sent while `run` ran, of what contains `mark`. */
  sentWhile(mark: string, run: () => Promise<unknown>): Promise<ReadonlyMap<string, readonly Sent[]>>
  stop(): Promise<void>
}

export interface Sent {
  /** Of the prepared statement, if it is one. */
  readonly name: string | undefined
  readonly text: string
  /** As the server's log has them. */
  readonly values: readonly string[]
}

/** By what each table's rows are looked for: the shard key, or a routable id. */
export const keyColumns = {
  features: 'id',
  points: 'entity_id',
  orders: 'tenant_id',
  invoices: 'ref',
  labels: 'name',
  devices: 'id',
  readings: 'recorded_at',
} as const

export type Table = keyof typeof keyColumns

const schema = `
  create table features (id bigint primary key, n int not null default 0);
  create table points (
    entity_id text not null, at int not null, value float8 check (value <> 2000 and value <> 3000), tags jsonb,
    made timestamptz not null default now(), primary key (entity_id, at)
  );
  create table orders (tenant_id int not null, id bigint not null, n int, primary key (tenant_id, id));
  create table invoices (ref bigint primary key, tenant_id int not null, n int);
  create table labels (name text primary key, n int);
  create table devices (id uuid primary key, n int);
  create table readings (recorded_at timestamptz not null, n int);
`

export const uuidOf = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
export const labelOf = (n: number): string => `label ${n % 2 === 0 ? 'ü' : ''}${n}`
export const momentOf = (n: number): string => `${2000 + (n % 50)}-0${1 + (n % 9)}-15T00:00:00Z`

export async function startTwoSides(): Promise<TwoSides> {
  const cluster = await startCluster({
    shards: 3,
    replicas: 0,
    conf: { log_statement: 'all', log_parameter_max_length: -1, max_prepared_transactions: 20 },
  })
  await cluster.sql(schema)
  const [first] = cluster.shards
  await first?.primary.sql('create database one')
  await first?.primary.sql("alter database one set log_statement = 'none'")
  const plain = new pg.Pool({ connectionString: first?.primary.url.replace(/\/postgres$/, '/one'), max: 1 })
  await plain.query(schema)
  const router = await createRouter(
    defineCluster({
      shards: cluster.urls,
      tables: {
        features: entity('id'),
        points: entity('entity_id'),
        orders: tenant('tenant_id'),
        invoices: tenant('tenant_id', { routable: ['ref'] }),
        labels: entity('name'),
        devices: entity('id'),
        readings: time('recorded_at', { every: 'month' }),
      },
    }),
    { pg },
  )
  await router.install()
  const numbers = Array.from({ length: 60 }, (_, index) => index + 1)
  const refs: [string, number][] = []
  for (const tenantId of numbers.slice(0, 20)) {
    for (const ref of await router.ids({ tenant: tenantId }, 3)) refs.push([String(ref), tenantId])
  }
  const rows: Readonly<Record<string, readonly string[]>> = {
    features: numbers.map((n) => `${n}, ${n % 7}`),
    orders: numbers.map((n) => `${n % 20}, ${n}, ${n % 7}`),
    invoices: refs.map(([ref, tenantId], index) => `${ref}, ${tenantId}, ${index % 7}`),
    labels: numbers.map((n) => `'${labelOf(n)}', ${n % 7}`),
    devices: numbers.map((n) => `'${uuidOf(n)}', ${n % 7}`),
    readings: numbers.map((n) => `'${momentOf(n)}', ${n % 7}`),
  }
  for (const pool of [plain, router.pool]) {
    for (const [table, lists] of Object.entries(rows)) {
      await pool.query(`insert into ${table} values ${lists.map((list) => `(${list})`).join(', ')}`)
    }
  }
  return {
    router,
    plain,
    refs,
    shardOf(table, key) {
      const { route } = router.explain(`select 1 from ${table} where ${keyColumns[table]} = $1`, [key])
      return route.kind === 'single' ? route.shard : 'several'
    },
    async sentWhile(mark, run) {
      const before = cluster.shards.map((shard) => shard.primary.log.length)
      await run()
      return new Map(
        cluster.shards.map((shard, index) => [
          shard.name,
          readLog(shard.primary.log.slice(before[index])).filter(({ text }) => text.includes(mark)),
        ]),
      )
    },
    async stop() {
      await router.end()
      await plain.end()
      await cluster.stop()
    },
  }
}

function readLog(log: string): readonly Sent[] {
  const found = log.matchAll(/LOG: {2}execute ([^:]+): (.*)\n(?:.*DETAIL: {2}[Pp]arameters: (.*)\n)?/g)
  return [...found].map(([, name = '', text = '', values = '']) => ({
    name: name === '<unnamed>' ? undefined : name,
    text,
    values: [...values.matchAll(/\$\d+ = (?:'((?:[^']|'')*)'|NULL)/g)].map(([, value]) => value ?? 'NULL'),
  }))
}

export interface Outcome {
  readonly result?: readonly [command: string, count: number | null, rows: unknown[]]
  readonly error?: string | undefined
}

export async function outcomeOf(
  pool: pg.Pool | Router['pool'],
  text: string,
  values: readonly unknown[],
): Promise<Outcome> {
  try {
    const { command, rowCount, rows } = await pool.query(text, [...values])
    return { result: [command, rowCount, rows as unknown[]] }
  } catch (error) {
    return { error: (error as { code?: string }).code }
  }
}
