import type { PgNode } from '@shardline/local-cluster'
import pg from 'pg'
import { rankText } from '../../src/merge/ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from '../../src/merge/row.ts'
import { columns } from './merge-catalog.ts'

/**
 * One table twice in one server: whole in schema `whole`, and its rows dealt out by key to the schemas `part0`, `part1`, …
 * The statement texts name the table without a schema, so the same text runs on all of them.
 */
export const partCount = 3

export interface RawResult {
  readonly fields: readonly FieldFacts[]
  readonly rows: RawRow[]
}

export interface Parts {
  readonly env: MergeEnvironment
  whole(text: string, values: readonly unknown[]): Promise<RawResult>
  part(index: number, text: string, values: readonly unknown[]): Promise<RawResult>
  /** How often a shard was asked for ranks. */
  rankCount(): number
  end(): Promise<void>
}

const rawTypes = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

async function connect(url: string, schema: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`set search_path = ${schema}, public; set timezone = 'America/New_York'`)
  return client
}

async function run(client: pg.Client, text: string, values: readonly unknown[]): Promise<RawResult> {
  const { rows, fields } = await client.query<(string | null)[]>({
    text,
    values: [...values],
    rowMode: 'array',
    types: rawTypes,
  })
  return { rows, fields }
}

/** Creates the schemas and deals out the rows, by a random source of its own. */
export async function createParts(
  node: PgNode,
  { rows, random }: { readonly rows: number; readonly random: () => number },
): Promise<Parts> {
  const below = (limit: number): number => Math.floor(random() * limit)
  const schemas = ['whole', ...Array.from({ length: partCount }, (_, index) => `part${index}`)]
  const definition = columns.map(({ name, sql }) => `${name} ${sql}`).join(', ')
  await node.sql("create type mood as enum ('sad', 'ok', 'happy')")
  for (const schema of schemas) {
    await node.sql(`create schema ${schema}`)
    await node.sql(`create table ${schema}.t (${definition})`)
  }
  const keyed = new Map<string, (string | number | null | undefined)[][]>(
    schemas.map((schema) => [schema, []]),
  )
  for (let id = 1; id <= rows; id++) {
    const key = below(40)
    const row = columns.map(({ name, values: pool }) =>
      name === 'id' ? id : name === 'k' ? key : pool[below(pool.length)],
    )
    keyed.get('whole')?.push(row)
    keyed.get(`part${key % partCount}`)?.push(row)
  }
  // One array per column, as text: arrays of arrays would have to be of one shape.
  const casts = columns.map(({ name, sql }) => `${name}::${sql}`.replace(/ collate .*/, '')).join(', ')
  const holders = columns.map((_, index) => `$${index + 1}::text[]`).join(', ')
  const names = columns.map(({ name }) => name).join(', ')
  for (const [schema, own] of keyed) {
    await node.sql(
      `insert into ${schema}.t select ${casts} from unnest(${holders}) as u (${names})`,
      columns.map((_, index) => own.map((row) => row[index])),
    )
  }
  const clients = await Promise.all(schemas.map((schema) => connect(node.url, schema)))
  const types = new Map<number, string>()
  const [whole] = clients
  if (whole === undefined) throw new Error('no connection')
  for (const [oid, name] of (await run(whole, 'select oid, format_type(oid, null) from pg_type', [])).rows) {
    types.set(Number(oid), name ?? '')
  }
  const enumOid = [...types].find(([, name]) => name === 'mood')?.[0]
  let ranks = 0
  return {
    env: {
      enumLabels: (oid) => (oid === enumOid ? ['sad', 'ok', 'happy'] : undefined),
      async rank(values, oid, collation) {
        ranks += 1
        const answer = await run(whole, rankText(types.get(oid) ?? 'text', collation), [values])
        return answer.rows.map(([rank]) => Number(rank))
      },
    },
    whole: (text, values) => run(whole, text, values),
    part: (index, text, values) => run(clients[index + 1] ?? whole, text, values),
    rankCount: () => ranks,
    async end() {
      await Promise.all(clients.map((client) => client.end()))
    },
  }
}
