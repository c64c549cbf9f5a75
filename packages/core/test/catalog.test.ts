import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCatalog } from '../src/catalog/build-catalog.ts'
import { catalogNotices } from '../src/catalog/notices.ts'
import { readShardCatalog } from '../src/catalog/read-shard-catalog.ts'
import type { ShardCatalog } from '../src/catalog/shard-catalog.ts'
import type { CatalogExpectation, TableRule } from '../src/catalog/table-rules.ts'
import type { ConfigError } from '../src/errors.ts'
import type { Catalog, Relation } from '../src/statement/catalog.ts'

/** Catalogs of real servers, read and judged. Every test starts from a schema of its own on both shards. */

let cluster: Cluster
let clients: Readonly<Record<'a' | 'b', pg.Client>>

beforeAll(async () => {
  cluster = await startCluster({ shards: 2 })
  const [a, b] = await Promise.all(
    Object.values(cluster.urls).map(async ({ primary }) => {
      const client = new pg.Client(primary)
      await client.connect()
      return client
    }),
  )
  if (a === undefined || b === undefined) throw new Error('two shards were asked for')
  clients = { a, b }
})

afterAll(async () => {
  for (const client of Object.values(clients ?? {})) await client.end()
  await cluster?.stop()
})

async function onEach(sql: string): Promise<void> {
  await Promise.all(Object.values(clients).map((client) => client.query(sql)))
}

async function fresh(sql: string): Promise<void> {
  await onEach(
    `drop schema if exists public cascade; drop schema if exists app cascade; create schema public; create schema app; ${sql}`,
  )
}

async function read(client: pg.Client): Promise<ShardCatalog> {
  return readShardCatalog(async (text) => (await client.query<Record<string, unknown>>(text)).rows)
}

async function readBoth(): Promise<ReadonlyMap<string, ShardCatalog>> {
  const [a, b] = await Promise.all([read(clients.a), read(clients.b)])
  return new Map([['a', a], ['b', b]]) // prettier-ignore
}

function expectation(tables: Readonly<Record<string, TableRule>>): CatalogExpectation {
  const main = { name: 'main', shards: ['a', 'b'], home: 'a', tables: new Map(Object.entries(tables)) }
  return { keyspaces: [main], localFunctions: new Set(['public.declared_local']) }
}

async function catalogOf(tables: Readonly<Record<string, TableRule>>): Promise<Catalog> {
  return buildCatalog(await readBoth(), expectation(tables), 1)
}

function relation(catalog: Catalog, name: string): Relation {
  const found = catalog.relations.get(name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

const tenant = (column: string, group = 'tenant'): TableRule => ({
  strategy: 'tenant',
  column,
  group,
  isGuarded: false,
})
const entity = (column: string, group = 'entity'): TableRule => ({
  strategy: 'entity',
  column,
  group,
  isGuarded: false,
})
const monthly = (column: string, group = 'month'): TableRule => ({
  strategy: 'time',
  column,
  group,
  isGuarded: false,
  every: 'month',
})

/** Every difference that a description is refused with. */
async function differences(tables: Readonly<Record<string, TableRule>>): Promise<readonly string[]> {
  const perShard = await readBoth()
  try {
    buildCatalog(perShard, expectation(tables), 1)
    return []
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigError', code: 'CATALOG_MISMATCH' })
    return (error as ConfigError).details['differences'] as readonly string[]
  }
}

describe('a rich schema', () => {
  const tables = {
    'public.tenants': tenant('id'),
    'public.orders': tenant('tenant_id'),
    'public.features': entity('key'),
    'public.readings': monthly('at'),
    'public.countries': { strategy: 'reference' },
  } satisfies Record<string, TableRule>
  let catalog: Catalog
  let perShard: ReadonlyMap<string, ShardCatalog>

  beforeAll(async () => {
    await fresh(`
      create type public.mood as enum ('sad', 'ok', 'happy');
      alter type public.mood add value 'fine' before 'happy';
      create domain app.short as varchar(12) check (value <> '');
      create domain app.shorter as app.short;
      create collation app.sloppy (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table tenants (id bigint primary key, name text collate "POSIX" not null, nick text collate app.sloppy, mood public.mood default 'ok');
      create table countries (code char(2) primary key, name text);
      create table orders (
        tenant_id bigint not null references tenants, id uuid default gen_random_uuid(), country char(2) references countries,
        number bigserial, total numeric(10, 2) not null, twice numeric generated always as (total * 2) stored,
        primary key (tenant_id, id), unique (number) include (total));
      create unique index on orders (tenant_id, lower(country));
      create unique index on orders (country) where total > 0;
      create table lines (tenant_id bigint, order_id uuid, n int generated by default as identity,
        foreign key (tenant_id, order_id) references orders (tenant_id, id));
      alter table lines drop constraint lines_tenant_id_order_id_fkey;
      alter table lines add foreign key (tenant_id, order_id) references orders (tenant_id, id) not valid;
      create table features (key app.shorter not null, value float8);
      create table readings (at timestamptz not null, value float8) partition by range (at);
      create table readings_2024 partition of readings for values from ('2024-01-01') to ('2025-01-01');
      create table readings_rest partition of readings default;
      create unlogged table scratch (x int);
      create table app.settings (k text primary key);
      create view app.rich as select o.tenant_id, o.id, o.total, t.name from orders o join tenants t on t.id = o.tenant_id where o.total > 10;
      create view app.nested as select * from app.rich;
      create view own_settings as select k from app.settings;
      create materialized view totals as select tenant_id, sum(total) from app.nested group by 1;
      create materialized view home_totals as select count(*) from app.settings;
      create function plain(a int) returns int language sql immutable as 'select a';
      create function peeks() returns bigint language sql stable as 'select count(*) from public.orders';
      create function overloaded(a int) returns int language sql immutable as 'select a';
      create function overloaded(a text) returns setof text language plpgsql volatile as 'begin return; end';
      create function declared_local() returns int language sql stable as 'select 1 from public.orders';
      create function noisy(a int, b int) returns int language plpgsql volatile as 'begin return a; end';
      create aggregate noisiest(int) (sfunc = noisy, stype = int);
      create procedure proc() language sql as 'select 1';
      create operator app.=== (leftarg = int, rightarg = int, function = public.noisy);
      create function touch() returns trigger language plpgsql as 'begin return new; end';
      create trigger touching before insert on readings_rest for each row execute function touch();
      create rule also as on insert to scratch do also select 1;
    `)
    perShard = await readBoth()
    catalog = buildCatalog(perShard, expectation(tables), 5)
  })

  test('the session and the database', () => {
    expect(catalog).toMatchObject({
      version: 5,
      isSharded: true,
      searchPath: ['pg_catalog', 'public'],
      timeZone: 'UTC',
      defaultCollation: { name: 'default', isCodePoint: true, isDeterministic: true },
    })
    expect(perShard.get('a')?.settings).toMatchObject({
      encoding: 'UTF8',
      defaultIsolation: 'read committed',
      isInRecovery: false,
    })
    expect(perShard.get('a')?.settings.identity).not.toBe(perShard.get('b')?.settings.identity)
  })

  test('only relations of users', () => {
    const schemas = new Set([...catalog.relations.values()].map(({ schema }) => schema))
    expect(schemas).toEqual(new Set(['public', 'app']))
    expect(Object.fromEntries([...catalog.relations].map(([name, { kind }]) => [name, kind]))).toMatchObject({
      'public.orders': 'table',
      'public.readings': 'partitioned',
      'app.rich': 'view',
      'public.totals': 'materialized-view',
      'public.orders_number_seq': 'sequence',
    })
  })

  test('columns with base types, collations and defaults', () => {
    const [id, name, nick, mood] = relation(catalog, 'public.tenants').columns
    expect(id).toEqual({ name: 'id', type: 'bigint', notNull: true, hasDefault: false, isGenerated: false })
    expect(name).toMatchObject({
      notNull: true,
      collation: { name: 'POSIX', isCodePoint: true, isDeterministic: true },
    })
    expect(nick).toMatchObject({
      notNull: false,
      collation: { name: 'sloppy', schema: 'app', isCodePoint: false, isDeterministic: false },
    })
    expect(mood).toMatchObject({ type: 'public.mood', hasDefault: true, defaultText: `'ok'::public.mood` })
    const orders = relation(catalog, 'public.orders').columns
    expect(orders.find((column) => column.name === 'twice')).toMatchObject({ isGenerated: true })
    expect(orders.find((column) => column.name === 'number')?.defaultText).toBe(
      `nextval('public.orders_number_seq'::regclass)`,
    )
    expect(relation(catalog, 'public.lines').columns[2]).toMatchObject({
      name: 'n',
      hasDefault: true,
      notNull: true,
    })
    expect(relation(catalog, 'public.features').columns[0]?.type).toBe('character varying')
  })

  test('placements, with the length of a domain over varchar(n)', () => {
    const placement = (name: string) => relation(catalog, name).placement
    expect(placement('public.orders')).toEqual({
      strategy: 'tenant',
      group: 'tenant',
      keyColumn: 'tenant_id',
      keyType: 'int8',
      isGuarded: false,
    })
    expect(placement('public.features')).toMatchObject({ keyType: 'varchar', keyLength: 12 })
    expect(placement('public.readings_2024')).toEqual(placement('public.readings'))
    expect(placement('public.readings_rest')).toMatchObject({
      strategy: 'time',
      keyType: 'timestamptz',
      every: 'month',
    })
    expect(placement('public.countries')).toEqual({ strategy: 'reference' })
    expect(placement('app.settings')).toEqual({ strategy: 'unsharded' })
    expect(placement('public.totals')).toMatchObject({ strategy: 'per-shard' })
    expect(placement('public.home_totals')).toEqual({ strategy: 'unsharded' })
  })

  test('unique keys without predicates and expressions, the primary key first', () => {
    expect(relation(catalog, 'public.orders').uniqueKeys).toEqual([['tenant_id', 'id'], ['number']])
  })

  test('foreign keys that are validated', () => {
    expect(relation(catalog, 'public.orders').foreignKeys).toEqual([
      {
        name: 'orders_country_fkey',
        columns: ['country'],
        target: { schema: 'public', name: 'countries', columns: ['code'] },
      },
      {
        name: 'orders_tenant_id_fkey',
        columns: ['tenant_id'],
        target: { schema: 'public', name: 'tenants', columns: ['id'] },
      },
    ])
    expect(relation(catalog, 'public.lines').foreignKeys).toEqual([])
  })

  test('views in full names, hidden SQL, unlogged tables', () => {
    expect(relation(catalog, 'app.rich').viewText?.replaceAll(/\s+/g, ' ')).toContain(
      'FROM (public.orders o JOIN public.tenants t ON',
    )
    expect(relation(catalog, 'app.nested').viewText).toContain('FROM app.rich')
    expect(relation(catalog, 'public.readings').hasTriggers).toBe(true)
    expect(relation(catalog, 'public.readings_2024').hasTriggers).toBe(false)
    expect(relation(catalog, 'public.scratch')).toMatchObject({ hasTriggers: true, isUnlogged: true })
    expect(relation(catalog, 'public.orders')).toMatchObject({ hasTriggers: false })
    expect(relation(catalog, 'app.rich').hasTriggers).toBe(false)
  })

  test('functions, folded into the worst', () => {
    expect(Object.fromEntries(catalog.functions)).toMatchObject({
      'public.plain': { volatility: 'immutable', isOpaque: false },
      'public.peeks': { volatility: 'stable', isOpaque: true },
      'public.overloaded': { volatility: 'volatile', isOpaque: true, returnsSet: true },
      'public.declared_local': { volatility: 'stable', isOpaque: false },
      'public.noisiest': { volatility: 'volatile', isOpaque: true, isAggregate: true },
      'public.proc': { isOpaque: true },
    })
    expect(catalog.operators.get('===')).toMatchObject({ volatility: 'volatile', isOpaque: true })
  })

  test('types, with the order of labels, and their OIDs on each shard', async () => {
    expect(catalog.types.get('public.mood')).toEqual({ kind: 'enum', labels: ['sad', 'ok', 'fine', 'happy'] })
    expect(catalog.types.get('app.shorter')).toEqual({ kind: 'domain' })
    for (const shard of ['a', 'b'] as const) {
      const { rows } = await clients[shard].query<{ oid: number }>(
        `select 'public.mood'::regtype::oid as oid`,
      )
      expect(catalog.typeOids.get(shard)?.get(rows[0]?.oid ?? 0)).toBe('public.mood')
    }
  })

  test('nothing of the reading is left in the session', async () => {
    const { rows } = await clients.a.query(
      `select current_setting('search_path') as path, current_setting('transaction_read_only') as readonly, current_setting('jit') as jit`,
    )
    const { rows: boot } = await clients.a.query(
      `select boot_val as path from pg_settings where name = 'search_path'`,
    )
    expect(rows).toMatchObject([{ ...boot[0], readonly: 'off' }])
  })

  test('reading is quick', async () => {
    const start = performance.now()
    await readBoth()
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test('what nobody enforces across shards is told', () => {
    const notices = catalogNotices(catalog, perShard)
    expect(notices.map(({ kind, table }) => `${kind} ${table}`).sort()).toEqual([
      'before-trigger public.readings_rest',
      'sequence-per-shard public.orders',
      'unique-without-key public.orders',
    ])
  })
})

describe('notices', () => {
  test('sequences that are kept apart are no matter', async () => {
    await fresh('create table t (k int not null, id bigserial, other int generated always as identity)')
    const tables = { 'public.t': entity('k') }
    const kinds = async () => {
      const perShard = await readBoth()
      return catalogNotices(buildCatalog(perShard, expectation(tables), 1), perShard).map(
        ({ message }) => message.split(' ')[0],
      )
    }
    expect(await kinds()).toEqual(['"public.t"."id"', '"public.t"."other"'])
    await onEach('alter sequence t_id_seq increment by 2')
    await clients.b.query('alter sequence t_id_seq start with 2 restart')
    expect(await kinds()).toEqual(['"public.t"."other"'])
    await clients.b.query('alter sequence t_id_seq increment by 3')
    expect(await kinds()).toEqual(['"public.t"."id"', '"public.t"."other"'])
    await clients.b.query('alter sequence t_id_seq increment by 2')
    await clients.b.query('alter sequence t_other_seq minvalue 1000000 start with 1000000 restart')
    await clients.a.query('alter sequence t_other_seq maxvalue 999999')
    expect(await kinds()).toEqual([])
  })

  test('a foreign key to rows that may lie elsewhere', async () => {
    await fresh(`
      create table home (id int primary key); create table other (k int primary key); create table same (k int primary key);
      create table t (k int not null references same, h int references home, o int references other)`)
    const tables = {
      'public.t': entity('k', 'x'),
      'public.same': entity('k', 'x'),
      'public.other': entity('k', 'y'),
    }
    const perShard = await readBoth()
    const notices = catalogNotices(buildCatalog(perShard, expectation(tables), 1), perShard)
    expect(notices.map(({ kind, message }) => [kind, /The foreign key "(\w+)"/.exec(message)?.[1]])).toEqual([
      ['foreign-key-across-shards', 't_h_fkey'],
      ['foreign-key-across-shards', 't_o_fkey'],
    ])
  })
})

describe('proofs hold only where every shard agrees', () => {
  const tables = { 'public.parent': tenant('id'), 'public.child': tenant('parent_id') }
  const schema = `create table parent (id int primary key); create table child (id int primary key, parent_id int not null references parent)`

  test('a foreign key that one shard lacks, has not validated or does not check', async () => {
    const keys = async () => relation(await catalogOf(tables), 'public.child').foreignKeys.length
    await fresh(schema)
    expect(await keys()).toBe(1)
    await clients.b.query('alter table child disable trigger all')
    expect(await keys()).toBe(0)
    await clients.b.query('alter table child enable trigger all; alter table parent disable trigger all')
    expect(await keys()).toBe(0)
    await clients.b.query('alter table parent enable trigger all')
    expect(await keys()).toBe(1)
    await clients.b.query('alter table child drop constraint child_parent_id_fkey')
    expect(await keys()).toBe(0)
    await clients.b.query(
      'alter table child add constraint child_parent_id_fkey foreign key (parent_id) references parent not valid',
    )
    expect(await keys()).toBe(0)
    await clients.b.query('alter table child validate constraint child_parent_id_fkey')
    expect(await keys()).toBe(1)
    // Checked at the end of a transaction, it proves nothing inside of one.
    await clients.b.query('alter table child alter constraint child_parent_id_fkey deferrable')
    expect(await keys()).toBe(0)
  })

  test('a view that differs has no text, unless only the home shard matters to it', async () => {
    await fresh(`${schema}; create table plain (x int);
      create view mutual as select * from parent; create view mixed as select * from parent, plain; create view home_only as select * from plain`)
    await clients.b.query('create or replace view mutual as select * from parent where id > 1')
    await clients.b.query('drop view home_only, mixed')
    const catalog = await catalogOf(tables)
    expect(relation(catalog, 'public.mutual').viewText).toBeUndefined()
    expect(relation(catalog, 'public.mixed').viewText).toBeUndefined()
    expect(relation(catalog, 'public.home_only').viewText).toBeDefined()
  })

  test('triggers on any shard count', async () => {
    await fresh(
      `${schema}; create function touch() returns trigger language plpgsql as 'begin return new; end'`,
    )
    await clients.b.query('create trigger t after insert on child for each row execute function touch()')
    expect(relation(await catalogOf(tables), 'public.child').hasTriggers).toBe(true)
  })
})

describe('differences are all listed', () => {
  test('on shards and in the description', async () => {
    await fresh(`
      create type mood as enum ('sad', 'ok');
      create collation sloppy (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table missing (id int primary key);
      create table typed (id int primary key, x int);
      create table nullable (k int);
      create table odd (k numeric not null);
      create table fuzzy (k text collate sloppy not null);
      create table made (a int, k int generated always as (a + 1) stored not null);
      create table wrong (k text not null);
      create table rounded (at timestamptz(0) not null);
      create table number (k int not null); create table word (k text not null);
      create table local (at timestamp not null); create table zoned (at timestamptz not null);
      create table unique_once (k int not null, x int);
      create table labelled (k int not null, m mood);
      create table parent (k int not null); create table child () inherits (parent);
      create view seen as select * from number;
    `)
    await clients.b.query(
      `drop table missing; alter table typed alter x type bigint; alter type mood rename value 'ok' to 'fine'`,
    )
    await clients.a.query('create unique index on unique_once (x)')
    const found = await differences({
      'public.missing': tenant('id'),
      'public.typed': { strategy: 'reference' },
      'public.nullable': entity('k', '1'),
      'public.odd': entity('k', '2'),
      'public.fuzzy': entity('k', '3'),
      'public.made': entity('k', '4'),
      'public.wrong': monthly('k', '5'),
      'public.rounded': monthly('at', '6'),
      'public.number': tenant('k', '7'),
      'public.word': tenant('k', '7'),
      'public.local': monthly('at', '8'),
      'public.zoned': monthly('at', '8'),
      'public.unique_once': entity('k', '9'),
      'public.labelled': entity('k', '10'),
      'public.child': entity('k', '11'),
      'public.seen': entity('k', '12'),
      'public.nowhere': { strategy: 'unsharded' },
      'public.typed_key': entity('k', '13'),
    })
    for (const text of [
      'table "public.missing" does not exist on shard "b"',
      'table "public.typed": columns differ between shards "a" and "b"',
      'shard key "public.nullable"."k" on shard "a" may be NULL',
      'shard key "public.odd"."k" on shard "a" has type numeric',
      'shard key "public.fuzzy"."k" on shard "b" has a nondeterministic collation',
      'shard key "public.made"."k" on shard "a" is generated',
      'shard key "public.wrong"."k" on shard "a" has type text, which does not fit the time strategy',
      'shard key "public.rounded"."at" on shard "a" keeps 0 digits of a second',
      'tables "public.number" and "public.word" are in the colocation group "7"',
      'tables "public.local" and "public.zoned" are in the colocation group "8"',
      'table "public.unique_once": unique keys differ',
      'table "public.labelled": enum labels differ',
      'table "public.child" is a child or partition of "public.parent", but is placed otherwise',
      '"public.seen" is a view',
    ]) {
      expect(found).toContainEqual(expect.stringContaining(text))
    }
    // What no shard has is told as a notice: a migration may be about to create it.
    expect(found.filter((line) => line.includes('public.nowhere'))).toEqual([])
    expect(found.filter((line) => line.includes('public.typed_key'))).toEqual([])
    expect(found.filter((line) => line.includes('public.missing'))).toHaveLength(1)
  })

  test('a schema that agrees has none', async () => {
    await fresh('create table t (k int not null); create table s (k bigint not null)')
    expect(await differences({ 'public.t': tenant('k'), 'public.s': tenant('k') })).toEqual([])
  })

  test('one database under two names', async () => {
    await fresh('create table t (k int not null)')
    const a = await read(clients.a)
    const twice = new Map([['a', a], ['b', a]]) // prettier-ignore
    expect(() => buildCatalog(twice, expectation({ 'public.t': tenant('k') }), 1)).toThrow(
      'shards "a" and "b" lead to the same database of the same server',
    )
  })

  test('sessions that print or look up names differently', async () => {
    await fresh('')
    await clients.b.query(
      `set datestyle = 'german'; set intervalstyle = 'iso_8601'; set search_path = app; set standard_conforming_strings = off`,
    )
    const found = await differences({})
    await clients.b.query('reset all')
    for (const text of [
      'DateStyle must be ISO',
      'IntervalStyle must be postgres',
      'search paths differ',
      'standard_conforming_strings is off',
    ]) {
      expect(found).toContainEqual(expect.stringContaining(text))
    }
    expect(await differences({})).toEqual([])
  })

  test('time zones that differ leave zoneless text unproved', async () => {
    await clients.b.query(`set timezone = 'Asia/Tokyo'`)
    const catalog = await catalogOf({})
    await clients.b.query('reset all')
    expect(catalog.timeZone).toBeUndefined()
  })
})

describe('keyspaces', () => {
  test('a table that two of them have and none describes is no certain table', async () => {
    await fresh('create table migrations (id int); create table mine (k int not null)')
    const perShard = await readBoth()
    const keyspace = (name: string, shard: string, tables: Readonly<Record<string, TableRule>>) =>
      ({ name, shards: [shard], home: shard, tables: new Map(Object.entries(tables)) }) // prettier-ignore
    const catalog = buildCatalog(
      perShard,
      {
        keyspaces: [keyspace('one', 'a', {}), keyspace('two', 'b', { 'public.mine': entity('k') })],
        localFunctions: new Set(),
      },
      1,
    )
    expect(relation(catalog, 'public.migrations').placement).toMatchObject({ strategy: 'per-shard' })
    expect(relation(catalog, 'public.mine')).toMatchObject({
      keyspace: 'two',
      placement: { strategy: 'entity' },
    })
  })
})

test('a failed reading tells its own error and leaves no transaction open', async () => {
  const failure = readShardCatalog(async (text) => {
    if (text.includes('json_build_object')) await clients.a.query('select 1/0')
    return (await clients.a.query<Record<string, unknown>>(text)).rows
  })
  await expect(failure).rejects.toMatchObject({ code: '22012' })
  await expect(clients.a.query('select 1')).resolves.toMatchObject({ rowCount: 1 })
})
