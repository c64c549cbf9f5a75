import { startCluster, type Cluster } from '@shardline/local-cluster'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'

// Reads of one operation: the shard that it has read answers what it looks up next by unique values, if it has it all.

let cluster: Cluster
let router: Router
/** A tenant of each shard; customers 1 to 5 are of the first one, 7 and 8 of the second. */
let tenants: readonly [number, number]

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 0 })
  await cluster.sql(`
    create table tenants (id int primary key);
    create table customers (id bigint primary key, tenant_id int not null, code text unique, age int, unique (tenant_id, age));
    create table orders (tenant_id int not null, id bigint not null, customer_id bigint references customers, primary key (tenant_id, id));
    create table kin (id bigint primary key, tenant_id int not null);
    create table offspring () inherits (kin);
    create table later_kin (id bigint primary key, tenant_id int not null)`)
  const tables = {
    tenants: tenant('id'),
    customers: tenant('tenant_id'),
    orders: tenant('tenant_id'),
    kin: tenant('tenant_id'),
    later_kin: tenant('tenant_id'),
  }
  await cluster.shards[1]?.primary.sql('create table later_offspring () inherits (later_kin)')
  router = await createRouter(defineCluster({ shards: cluster.urls, tables, consistency: 'eventual' }))
  const tenantOf = (shard: string): number => {
    for (let id = 1; ; id++) {
      if (router.explain('select from tenants where id = $1', [id]).shards[0] === shard) return id
    }
  }
  const [first, second] = cluster.shards
  if (first === undefined || second === undefined) throw new Error('two shards')
  tenants = [tenantOf(first.name), tenantOf(second.name)]
  const add = `insert into customers select n, $1, 'c' || n, n from unnest($2::bigint[]) n`
  await first.primary.sql(add, [tenants[0], [1, 2, 3, 4, 5]])
  await second.primary.sql(add, [tenants[1], [7, 8]])
  await first.primary.sql('insert into orders select $1, n, n from generate_series(1, 5) n', [tenants[0]])
  await second.primary.sql('insert into orders values ($1, 1, 7)', [tenants[1]])
  await first.primary.sql('insert into kin values (1, $1)', [tenants[0]])
  await second.primary.sql('insert into offspring values (1, $1)', [tenants[1]])
  await first.primary.sql('insert into later_kin values (1, $1)', [tenants[0]])
  await second.primary.sql('insert into later_offspring values (1, $1)', [tenants[1]])
})
afterAll(async () => {
  await router?.end()
  await cluster?.stop()
})

interface Seen {
  readonly ids: readonly number[]
  /** Statements that each shard got. */
  readonly asked: readonly number[]
}

/** What the statement returns inside of an operation that has read an order of the first shard, and who was asked for it. */
async function afterAnOrder(text: string, values: readonly unknown[]): Promise<Seen> {
  return router.keepNodes(async () => {
    await router.pool.query('select from orders where tenant_id = $1 and id = 1', [tenants[0]])
    return seen(text, values)
  })
}

async function seen(text: string, values: readonly unknown[]): Promise<Seen> {
  const leased = (): number[] => router.counters().nodes.map((node) => node.leased)
  const before = leased()
  const { rows } = await router.pool.query<{ id: string }>(text, [...values])
  const asked = leased().map((count, index) => count - (before[index] ?? 0))
  return { ids: rows.map(({ id }) => Number(id)).sort((a, b) => a - b), asked }
}

describe('asks the shard that was read, and nobody else, when it has', () => {
  it.each<[string, string, readonly unknown[], readonly number[]]>([
    ['every row of a list', 'select id from customers where id in ($1, $2, $3)', [1, 3, 5], [1, 3, 5]],
    ['the row of one value', 'select c.* from customers c where c.id = $1', ['4'], [4]],
    [
      'rows of another unique column',
      'select id from customers where code in ($1, $2)',
      ['c1', 'c2'],
      [1, 2],
    ],
    ['a row that is named twice', 'select id from customers where id in ($1, $2)', [2n, '2'], [2]],
    [
      'rows that other conditions let through',
      'select id from customers where (age < 3 and (id in ($1, $2)))',
      [1, 2],
      [1, 2],
    ],
    [
      'rows before which none are skipped',
      'select id from customers where id in ($1) offset $2',
      [4, '0'],
      [4],
    ],
  ])('%s', async (_, text, values, ids) => {
    expect(await afterAnOrder(text, values)).toEqual({ ids, asked: [1, 0] })
    expect(await seen(text, values)).toEqual({ ids, asked: [1, 1] })
  })
})

describe('asks the others as well', () => {
  it.each<[string, string, readonly unknown[], readonly number[]]>([
    ['for a row that is elsewhere', 'select id from customers a where id in ($1, $2)', [1, 7], [1, 7]],
    ['for rows that are all elsewhere', 'select id from customers b where id in ($1, $2)', [7, 8], [7, 8]],
    ['for a row that is nowhere', 'select id from customers c where id in ($1, $2)', [1, 99], [1]],
    [
      'for a row that is left out',
      'select id from customers d where id in ($1, $2) and age > 1',
      [1, 2],
      [2],
    ],
    [
      'once: after a question in vain it is not asked alone',
      'select id from customers e where id = $1',
      [8],
      [8],
    ],
  ])('%s', async (_, text, values, ids) => {
    expect(await afterAnOrder(text, values)).toEqual({ ids, asked: [2, 1] })
    expect(await afterAnOrder(text, values)).toEqual({ ids, asked: [1, 1] })
  })

  it.each<[string, string, readonly unknown[], readonly number[]]>([
    ['for a column that is not unique', 'select id from customers where age in ($1, $2)', [1, 2], [1, 2]],
    ['for a column that is unique beside others', 'select id from customers where age = $1', [7], [7]],
    ['for a value of a type of its own', 'select id from customers where id = $1::float8', [1], [1]],
    [
      'for what a value is not equal to',
      'select id from customers where not id in ($1)',
      [1],
      [2, 3, 4, 5, 7, 8],
    ],
    ['for alternatives', 'select id from customers where id = $1 or age = 8', [1], [1, 8]],
    ['for more rows than values', 'select id from kin where id = $1', [1], [1, 1]],
    ['for more rows on one shard only', 'select id from later_kin where id = $1', [1], [1, 1]],
    [
      'for joined rows',
      'select c.id from customers c, orders o where c.tenant_id = o.tenant_id and c.id in ($1, $2) and o.id < 3',
      [1, 7],
      [1, 1, 7],
    ],
    ['for a value in the text', 'select id from customers where id in ($1, 7)', [1], [1, 7]],
    [
      'for rows made of rows',
      'select generate_series(id, id + 1) as id from customers where id in ($1, $2)',
      [1, 7],
      [1, 2, 7, 8],
    ],
    [
      'for a set operation',
      'select id from customers where id = $1 union all select id from customers where id = 7',
      [1],
      [1, 7],
    ],
    ['for groups', 'select max(id) as id from customers where id in ($1, $2)', [1, 7], [7]],
    ['for NULL', 'select id from customers where id in ($1, $2)', [1, null], [1]],
  ])('%s', async (_, text, values, ids) => {
    expect(await afterAnOrder(text, values)).toEqual({ ids, asked: [1, 1] })
  })

  it('when rows are left out by LIMIT and OFFSET', async () => {
    const page = 'select id from customers p where id in ($1, $2, $3) limit $4'
    expect((await afterAnOrder(page, [1, 2, 3, 2])).ids).toHaveLength(2)
    expect(
      await afterAnOrder('select id from customers q where id in ($1, $2) limit 2', [1, 7]),
    ).toMatchObject({ ids: [1, 7] })
    expect(await afterAnOrder('select id from customers r where id in ($1, $2) limit 2', [1, 2])).toEqual({
      ids: [1, 2],
      asked: [1, 0],
    })
  })

  it('when rows are skipped', async () => {
    const text = 'select id from customers where id in ($1, $2) order by id offset $3'
    expect(await afterAnOrder(text, [1, 2, 1])).toEqual({ ids: [2], asked: [1, 1] })
  })

  it('when several have been read', async () => {
    const text = 'select id from customers where id = $1'
    await router.keepNodes(async () => {
      await router.pool.query('select id from orders')
      expect(await seen(text, [1])).toEqual({ ids: [1], asked: [1, 1] })
    })
    await router.keepNodes(async () => {
      expect(await seen(text, [1])).toEqual({ ids: [1], asked: [1, 1] })
    })
  })
})

it('says so in its explanation', () => {
  const notes = (text: string): string => String(router.explain(text, [1]))
  expect(notes('select id from customers where id = $1')).toMatch(/asked first/)
  expect(notes('select id from customers where age = $1')).not.toMatch(/asked first/)
})
