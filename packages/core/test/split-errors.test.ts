import { startCluster, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { reference, tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'

// Of several rows that are refused, an INSERT over several shards has to tell of the one that one PostgreSQL tells of.
let several: Cluster
let one: Cluster
let router: Router
let single: pg.Pool
/** Tenants of the two shards in turn. */
let tenants: readonly number[]

const schema = `
  create table countries (code text primary key);
  create table orders (
    tenant_id bigint not null, id int not null, country text references countries, late text references countries deferrable initially deferred,
    note varchar(4), amount int not null check (amount > 0), share int,
    primary key (tenant_id, id), check (100 / share > 1)
  );
  insert into countries values ('de');
  insert into orders select tenant, 1, 'de', 'de', '', 1, 1 from generate_series(1, 40) tenant;
`

beforeAll(async () => {
  ;[several, one] = await Promise.all([startCluster({ shards: 2 }), startCluster({ shards: 1 })])
  await Promise.all([several.sql(schema), one.sql(schema)])
  single = new pg.Pool({ connectionString: one.shards[0]?.primary.url })
  router = await createRouter(
    defineCluster({ shards: several.urls, tables: { orders: tenant('tenant_id'), countries: reference() } }),
    { pg },
  )
  const shardOf = (id: number): string =>
    router.explain('select from orders where tenant_id = $1', [id]).shards.join()
  const all = Array.from({ length: 40 }, (_, index) => index + 1)
  const [home, away] = [all.filter((id) => shardOf(id) === 's0'), all.filter((id) => shardOf(id) === 's1')]
  tenants = [home[0] ?? 0, away[0] ?? 0, home[1] ?? 0, away[1] ?? 0]
})
afterAll(async () => {
  await router?.end()
  await single?.end()
  await Promise.all([several?.stop(), one?.stop()])
})

interface Row {
  /** Index into `tenants`. */
  readonly tenant: number
  /** The first column that is wrong, and how. */
  readonly flaws: readonly Flaw[]
}

/** What each flaw puts in the place of a good value, by column. */
const flaws = {
  duplicate: { id: 1 },
  'duplicate within the statement': { id: 7 },
  'not null': { amount: null },
  check: { amount: -1 },
  'check that divides by zero': { share: 0 },
  'foreign key': { country: 'xx' },
  'deferred foreign key': { late: 'xx' },
  'too long': { note: 'too long' },
  'not a number': { amount: 'many' },
  'out of range': { amount: '99999999999' },
} as const
type Flaw = keyof typeof flaws

const columns = ['tenant_id', 'id', 'country', 'late', 'note', 'amount', 'share'] as const

/** `literals`: values in the text instead of parameters. */
function statementOf(rows: readonly Row[], literals: boolean): { text: string; values: unknown[] } {
  const values: unknown[] = []
  const lists = rows.map(({ tenant: index, flaws: own }, row) => {
    const good = {
      tenant_id: tenants[index],
      id: 100 + row,
      country: 'de',
      late: 'de',
      note: 'ok',
      amount: 5,
      share: 1,
    }
    const record: Record<string, unknown> = Object.assign(good, ...own.map((flaw) => flaws[flaw]))
    return `(${columns
      .map((column) => {
        const value = record[column]
        if (!literals) return `$${values.push(value)}`
        return typeof value === 'string' ? `'${value}'` : String(value)
      })
      .join(', ')})`
  })
  return { text: `insert into orders (${columns.join(', ')}) values ${lists.join(', ')}`, values }
}

/** What the application is told; nothing stays written. */
async function told(pool: pg.Pool, statement: { text: string; values: unknown[] }): Promise<unknown> {
  try {
    await pool.query(statement)
  } catch (error) {
    const { code, message, detail, constraint, column, table, position } = error as pg.DatabaseError
    return { code, message, detail, constraint, column, table, position }
  }
  await pool.query('delete from orders where tenant_id = any ($1) and id > 1', [tenants.slice(0, 2)])
  await pool.query('delete from orders where tenant_id = any ($1) and id > 1', [tenants.slice(2)])
  return 'written'
}

async function expectAlike(rows: readonly Row[], literals: boolean): Promise<unknown> {
  const statement = statementOf(rows, literals)
  const expected = await told(single, statement)
  expect(await told(router.pool, statement)).toEqual(expected)
  return expected
}

const rowsOf = (...flawsOfRows: readonly (readonly Flaw[])[]): Row[] =>
  flawsOfRows.map((own, index) => ({ tenant: index % 4, flaws: own }))

describe('an INSERT whose rows are refused by several shards', () => {
  it.each<[string, string, Row[]]>([
    ['the first row, whichever shard is quicker', '23502', rowsOf(['not null'], ['check'])],
    ['the first row, whichever shard comes first', '23514', rowsOf([], ['check'], ['not null'])],
    [
      'a row of the second shard before one of the first',
      '23505',
      rowsOf([], ['duplicate'], ['check'], ['not null']),
    ],
    [
      'any row before foreign keys, which are checked at the end',
      '23514',
      rowsOf(['foreign key'], ['check']),
    ],
    ['foreign keys in the order of the rows', '23503', rowsOf([], ['foreign key'], ['foreign key'])],
    ['foreign keys before deferred ones', '23503', rowsOf(['deferred foreign key'], ['foreign key'])],
    [
      'deferred ones in the order of the rows',
      '23503',
      rowsOf([], ['deferred foreign key'], ['deferred foreign key']),
    ],
    ['values that cannot be read before all rows', '22P02', rowsOf(['not null'], ['not a number'])],
    ['a value that is too long before all rows', '22001', rowsOf(['not null'], ['too long'])],
    [
      'a division while a row is checked in its turn',
      '23514',
      rowsOf(['check'], ['check that divides by zero']),
    ],
  ])('tells of %s', async (_name, code, rows) => {
    for (const literals of [false, true]) {
      expect(await expectAlike(rows, literals)).toMatchObject({ code })
    }
  })

  it('tells of the row that repeats another one of the same statement', async () => {
    const rows: Row[] = [
      { tenant: 0, flaws: ['duplicate within the statement'] },
      { tenant: 1, flaws: [] },
      { tenant: 0, flaws: ['duplicate within the statement'] },
      { tenant: 1, flaws: ['check'] },
    ]
    expect(await expectAlike(rows, false)).toMatchObject({ code: '23505' })
  })

  it('says the position in the text of the application also when one shard alone refuses', async () => {
    expect(await expectAlike(rowsOf([], [], ['not a number']), true)).toMatchObject({
      code: '22P02',
      position: expect.stringMatching(/^\d+$/) as string,
    })
  })

  it.each([
    ['rows of unequal length', "($1, 101, 'de'), ($2, 102)", '42601'],
    ['a set-returning function', '($1, generate_series(101, 103), null), ($2, 104, null)', '0A000'],
    ['a window function', '($1, 101, null), ($2, lag(1) over (), null)', '42P20'],
  ])(
    'refuses %s as one PostgreSQL does, though each shard alone would take its rows',
    async (_what, rows, code) => {
      const statement = {
        text: `insert into orders (tenant_id, id, country) values ${rows}`,
        values: tenants.slice(0, 2),
      }
      const expected = await told(single, statement)
      expect(expected).toMatchObject({ code })
      expect(await told(router.pool, statement)).toEqual(expected)
    },
  )

  it('refuses a parameter whose type depends on rows of another shard', async () => {
    const columnsAndRows = '(tenant_id, id, note, amount) values ($1, $3, null, 1), ($2, 102, $3, 1)'
    await expect(
      router.pool.query(`insert into orders ${columnsAndRows}`, [...tenants.slice(0, 2), '0101']),
    ).rejects.toMatchObject({ code: 'CROSS_SHARD' })
    await expectSame(columnsAndRows.replaceAll('$3', '$3::text::int'), '0101')
    await expectSame('(tenant_id, id, amount) values ($1, $3, 1), ($2, $3, 2)', '0101')
  })

  async function expectSame(columnsAndRows: string, value: string): Promise<void> {
    const text = `insert into orders ${columnsAndRows} returning id, note, amount`
    const values = [...tenants.slice(0, 2), value]
    const { rows } = await single.query(text, values)
    expect((await router.pool.query(text, values)).rows).toEqual(rows)
    await told(single, { text: 'select', values: [] })
    await told(router.pool, { text: 'select', values: [] })
  }

  it('leaves nothing behind', async () => {
    await expectAlike(rowsOf([], ['check'], [], ['not null']), false)
    for (const { primary } of several.shards) {
      expect(await primary.sql('select gid from pg_prepared_xacts')).toEqual([])
      expect(await primary.sql('select from orders where id > 1')).toEqual([])
      expect(
        await primary.sql("select from pg_stat_activity where state like 'idle in transaction%'"),
      ).toEqual([])
    }
  })

  it('agrees with one PostgreSQL on any mixture', async () => {
    const flaw = fc.constantFrom(...(Object.keys(flaws) as Flaw[]))
    const row = fc.record({
      tenant: fc.nat({ max: 3 }),
      flaws: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 4, arbitrary: fc.tuple(flaw) },
        fc.tuple(flaw, flaw),
      ),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 2, maxLength: 9 }),
        fc.boolean(),
        async (rows, literals) => {
          expect(await expectAlike(rows, literals)).toBeDefined()
        },
      ),
      { numRuns: 400 },
    )
  })
})
