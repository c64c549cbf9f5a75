import fc from 'fast-check'
import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { createAssignment } from '../sharding/assignment.ts'
import { storeAssignment } from '../sharding/assignment-json.ts'
import type { ClusterInput } from './cluster-input.ts'
import { defineCluster } from './define-cluster.ts'
import { createShardMaps } from './shard-maps.ts'
import { mergeTables } from './table-config.ts'
import {
  entity,
  reference,
  tenant,
  time,
  unsharded,
  type EntityTable,
  type TenantTable,
} from './table-description.ts'
import { topologyOf } from './topology-of.ts'

const url = (host: string): string => `postgres://app:hunter2@${host}:5432/shop`

const two = {
  shards: { eu0: { primary: url('a'), replicas: [url('a1')] }, eu1: { primary: url('b') } },
} satisfies ClusterInput

/** The issues that a description is refused with, as `path: message`. */
function issuesOf(input: unknown): readonly string[] {
  try {
    defineCluster(input as ClusterInput)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', family: 'config' })
    const { issues } = (error as ConfigError).details as {
      issues: readonly { readonly path: string; readonly message: string }[]
    }
    for (const { path, message } of issues) {
      expect((error as ConfigError).message).toContain(path === '' ? message : `${path}: ${message}`)
    }
    return issues.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

describe('a description', () => {
  test('of one keyspace, with defaults', () => {
    const config = defineCluster({
      ...two,
      tables: {
        tenants: tenant('id'),
        'billing.invoices': tenant('tenant_id', { guard: 'required' }),
        features: entity('entity_id'),
        readings: time('recorded_at', { every: 'month' }),
        countries: reference(),
        settings: unsharded(),
      },
    })
    const main = config.keyspaces.get('main')
    expect([...(main?.tables ?? [])]).toEqual([
      ['public.tenants', { schema: 'public', name: 'tenants', keyspace: 'main', strategy: 'tenant', keyColumn: 'id', group: 'tenant', every: undefined, isGuarded: false }],
      ['billing.invoices', { schema: 'billing', name: 'invoices', keyspace: 'main', strategy: 'tenant', keyColumn: 'tenant_id', group: 'tenant', every: undefined, isGuarded: true }],
      ['public.features', { schema: 'public', name: 'features', keyspace: 'main', strategy: 'entity', keyColumn: 'entity_id', group: 'public.features', every: undefined, isGuarded: false }],
      ['public.readings', { schema: 'public', name: 'readings', keyspace: 'main', strategy: 'time', keyColumn: 'recorded_at', group: 'public.readings', every: 'month', isGuarded: false }],
      ['public.countries', { schema: 'public', name: 'countries', keyspace: 'main', strategy: 'reference' }],
      ['public.settings', { schema: 'public', name: 'settings', keyspace: 'main', strategy: 'unsharded' }],
    ]) // prettier-ignore
    expect(main?.home).toBe('eu0')
    expect(config).toMatchObject({
      reads: { balance: 'p2c' },
      consistency: 'session',
      pool: { max: 10, min: 0, idleTimeoutMs: 10_000, connectTimeoutMs: 5_000, acquireTimeoutMs: 10_000, maxUses: Number.POSITIVE_INFINITY, maxLifetimeMs: 0 },
      prepare: { isEnabled: true, max: 256 },
      planCache: { max: 10_000 },
      start: { deadlineMs: 10_000 },
      isGuarded: false,
    }) // prettier-ignore
    expect(Object.isFrozen(config)).toBe(true)
  })

  test('may list its shards in any order: rows stay where they are', () => {
    const { eu0, eu1 } = two.shards
    const bucketsOf = (input: ClusterInput) => defineCluster(input).keyspaces.get('main')?.assignment
    expect(bucketsOf({ shards: { eu1, eu0 } })).toEqual(bucketsOf({ shards: { eu0, eu1 } }))
  })

  test('gives the topology', () => {
    const topology = topologyOf(
      defineCluster({
        shards: {
          eu0: {
            primary: url('a'),
            replicas: [{ url: url('a1'), zone: 'b', tags: ['training'], weight: 3 }, url('a2')],
          },
          eu1: { primary: { host: 'b', name: 'bee' } },
        },
        home: 'eu1',
      }),
    )
    expect(topology.keyspaces.get('main')).toEqual({ name: 'main', shards: ['eu0', 'eu1'], home: 'eu1' })
    expect(topology.shards.get('eu0')?.replicas).toEqual([
      { name: 'eu0/replica0', shard: 'eu0', role: 'replica', zone: 'b', tags: ['training'], weight: 3 },
      { name: 'eu0/replica1', shard: 'eu0', role: 'replica', zone: undefined, tags: [], weight: 1 },
    ])
    expect(topology.shards.get('eu1')?.primary.name).toBe('bee')
  })

  test('of several keyspaces keeps their groups apart', () => {
    const config = defineCluster({
      keyspaces: {
        main: { shards: two.shards, tables: { orders: tenant('tenant_id') } },
        events: { shards: { ev0: { primary: url('e') } }, tables: { clicks: tenant('tenant_id') } },
      },
    })
    expect([...config.shards.keys()]).toEqual(['eu0', 'eu1', 'ev0'])
    expect(config.keyspaces.get('main')?.tables.get('public.orders')).toMatchObject({ group: 'main.tenant' })
    expect(config.keyspaces.get('events')?.tables.get('public.clicks')).toMatchObject({
      group: 'events.tenant',
    })
  })

  test('takes everything that pg.Client takes, per node or for all', () => {
    const config = defineCluster({
      shards: {
        eu0: { primary: { url: url('a'), application_name: 'shop', ssl: { rejectUnauthorized: true } } },
      },
      client: { keepAlive: true, application_name: 'all', statement_timeout: 5_000, options: '-c jit=off' },
      searchPath: ['app', 'my schema'],
    })
    expect(config.shards.get('eu0')?.primary.clientConfig).toEqual({
      connectionString: url('a'),
      application_name: 'shop',
      ssl: { rejectUnauthorized: true },
      keepAlive: true,
      statement_timeout: 5_000,
      options: '-c jit=off -c search_path="app","my\\ schema"',
    })
  })

  test('routable columns that a model names are added, and must not contradict', () => {
    const silent = defineCluster({ ...two, tables: { orders: tenant('tenant_id') } })
    const described = mergeTables(silent, { orders: tenant('tenant_id', { routable: 'id' }) })
    const routable = (config: typeof silent) =>
      JSON.stringify([...(config.keyspaces.get('main')?.tables.values() ?? [])])
    expect(routable(described)).toContain('"routable":["id"]')
    expect(routable(mergeTables(described, { orders: tenant('tenant_id') }))).toBe(routable(described))
    expect(() => mergeTables(described, { orders: tenant('tenant_id', { routable: ['other'] }) })).toThrow(
      /routable "id".*elsewhere as.*routable "other"/,
    )
    expect(() => mergeTables(silent, { orders: tenant('tenant_id', { routable: 'tenant_id' }) })).toThrow(
      /tables\.orders\.routable: the shard key itself/,
    )
  })

  test('helpers keep the column as a literal type', () => {
    expectTypeOf(tenant('tenantId')).toEqualTypeOf<TenantTable<'tenantId', never>>()
    expectTypeOf(tenant('tenantId', { routable: 'id' })).toEqualTypeOf<TenantTable<'tenantId', 'id'>>()
    expectTypeOf(entity('key', { routable: ['id', 'other'] })).toEqualTypeOf<
      EntityTable<'key', 'id' | 'other'>
    >()
    expect(tenant('tenantId', { routable: 'id' }).routable).toEqual(['id'])
    // @ts-expect-error periods have no ids
    time('at', { every: 'day', routable: ['id'] })
    // @ts-expect-error a period is needed
    time('at')
    // @ts-expect-error no such period
    time('at', { every: 'decade' })
  })
})

describe('what is wrong is said with its path', () => {
  test.each<[string, unknown, string | RegExp]>([
    ['nothing', undefined, /^: /],
    [
      'a shard key as its own routable id',
      { ...two, tables: { orders: tenant('tenant_id', { routable: ['id', 'tenant_id'] }) } },
      /^tables\.orders\.routable: the shard key itself is no routable id/,
    ],
    [
      'a routable column that is no name',
      { ...two, tables: { orders: { strategy: 'entity', column: 'id', routable: [5] } } },
      /^tables\.orders\.routable\[0\]: expected a string/,
    ],
    [
      'routable ids of periods',
      { ...two, tables: { readings: { strategy: 'time', column: 'at', every: 'day', routable: ['id'] } } },
      'tables.readings: unknown option "routable"',
    ],
    ['no shards', {}, 'shards: expected shards by name'],
    ['empty shards', { shards: {} }, 'shards: expected at least one shard'],
    [
      'a shard that is a string',
      { shards: { eu0: url('a') } },
      'shards.eu0: expected { primary, replicas? }',
    ],
    [
      'an unset variable',
      { shards: { eu0: { primary: undefined } } },
      /^shards\.eu0\.primary: .*Is the environment variable set\?/,
    ],
    [
      'an empty variable',
      { shards: { eu0: { primary: '' } } },
      /^shards\.eu0\.primary\.url: .*Is the environment variable set\?/,
    ],
    [
      'another protocol',
      { shards: { eu0: { primary: 'mysql://a/b' } } },
      /^shards\.eu0\.primary\.url: no connection string/,
    ],
    [
      'a broken url',
      { shards: { eu0: { primary: url('a'), replicas: [url('b'), 'postgres://app:hunter2@h:port/x'] } } },
      /^shards\.eu0\.replicas\[1\]\.url: no connection string/,
    ],
    [
      'a node without an address',
      { shards: { eu0: { primary: { user: 'x' } } } },
      'shards.eu0.primary: expected a url or a host',
    ],
    [
      'a misspelt node option',
      { shards: { eu0: { primary: { host: 'a', pasword: 'hunter2' } } } },
      'shards.eu0.primary: unknown option "pasword"',
    ],
    [
      'an option of the pool in a node',
      { shards: { eu0: { primary: { host: 'a', max: 3 } } } },
      'shards.eu0.primary: unknown option "max"',
    ],
    [
      'a port as text',
      { shards: { eu0: { primary: { host: 'a', port: '5432' } } } },
      'shards.eu0.primary.port: expected a port number',
    ],
    ['a misspelt setting', { ...two, read: {} }, ': unknown option "read"'],
    ['an unknown balance', { ...two, reads: { balance: 'hunter2' } }, /^reads\.balance: .*"p2c"/],
    ['a negative time', { ...two, pool: { idleTimeoutMs: -1 } }, 'pool.idleTimeoutMs: expected at least 0'],
    ['more kept than allowed', { ...two, pool: { min: 20 } }, 'pool.min: expected at most `max`'],
    ['a name that is none', { shards: { '0': { primary: url('a') } } }, /^shards\.0: a name has letters/],
    [
      'a table name with three parts',
      { ...two, tables: { 'a.b.c': tenant('id') } },
      'tables.a.b.c: expected "table" or "schema.table"',
    ],
    [
      'a table that is a word',
      { ...two, tables: { orders: 'tenant_id' } },
      /^tables\.orders: expected tenant\(column\)/,
    ],
    [
      'a table without its column',
      { ...two, tables: { orders: { strategy: 'tenant' } } },
      /^tables\.orders\.column/,
    ],
    [
      'a table option too many',
      { ...two, tables: { orders: { ...entity('id'), guard: 'required' } } },
      'tables.orders: unknown option "guard"',
    ],
    ['a home that is not there', { ...two, home: 'us0' }, 'home: "us0" is no shard here. Known: eu0, eu1'],
    [
      'a pin to a shard that is not there',
      { ...two, tables: { t: tenant('id') }, directory: { tenant: { 7: 'us0' } } },
      'directory.tenant: "us0" is no shard here. Known: eu0, eu1',
    ],
    [
      'a pin in a group without tenants',
      { ...two, tables: { t: entity('id') }, directory: { tenant: { 7: 'eu0' } } },
      /^directory\.tenant: no table with the tenant strategy/,
    ],
    [
      'a table described twice',
      { ...two, tables: { t: tenant('id'), 'public.t': tenant('id') } },
      'tables.public.t: "public.t" is described twice',
    ],
    [
      'a group of two strategies',
      { ...two, tables: { t: tenant('id', { group: 'g' }), u: entity('id', { group: 'g' }) } },
      /^tables\.public\.u: its group "g"/,
    ],
    [
      'an assignment for other shards',
      { ...two, assignment: storeAssignment(createAssignment(['eu0', 'us0'])) },
      /^assignment: it is for the shards eu0, us0, .*reassign\(\)/,
    ],
    ['an assignment that is none', { ...two, assignment: '{"hunter2' }, /^assignment: .*it is no JSON/],
    [
      'a server described twice',
      { shards: { eu0: { primary: url('a'), replicas: ['postgresql://other:pw@A/shop?x=1'] } } },
      'shards.eu0.replicas[0]: it is the same server and database as shards.eu0.primary',
    ],
    [
      'a server described twice, as an object',
      { shards: { eu0: { primary: url('a') }, eu1: { primary: { host: 'a', database: 'shop' } } } },
      /^shards\.eu1\.primary: it is the same server/,
    ],
    [
      'a node name used twice',
      { shards: { eu0: { primary: { host: 'a', name: 'x' }, replicas: [{ host: 'b', name: 'x' }] } } },
      'shards.eu0.replicas[0].name: shards.eu0.primary has the same name',
    ],
    ['both forms at once', { ...two, keyspaces: { main: two } }, ': unknown option "shards"'],
    [
      'a shard name in two keyspaces',
      { keyspaces: { a: two, b: { shards: { eu0: { primary: url('z') } } } } },
      'keyspaces.b.shards.eu0: another keyspace has a shard of this name',
    ],
    [
      'a function without its schema',
      { ...two, functions: { f: 'shard-local' } },
      'functions.f: expected "schema.function"',
    ],
    [
      'another encoding',
      { shards: { eu0: { primary: `${url('a')}?client_encoding=latin1` } } },
      /^shards\.eu0\.primary\.url: its client_encoding/,
    ],
    [
      'a search path that a url would hide',
      { shards: { eu0: { primary: `${url('a')}?options=-cjit=off` } }, searchPath: ['app'] },
      /^shards\.eu0\.primary\.url: it sets "options"/,
    ],
  ])('%s', (_, input, issue) => {
    const issues = issuesOf(input)
    const expected = typeof issue === 'string' ? expect.stringContaining(issue) : expect.stringMatching(issue)
    expect(issues).toContainEqual(expected)
    expect(issues.join('\n')).not.toContain('hunter2')
  })

  test('all of it at once', () => {
    const broken = {
      shards: { eu0: { primary: 'x', replicas: ['y', { host: 'h', nope: 1 }] } },
      tables: { a: 1, b: tenant('') },
      pool: { max: 0 },
      unknown: 1,
    }
    expect(issuesOf(broken)).toHaveLength(7)
  })

  test('one server may have several of the databases', () => {
    expect(
      issuesOf({ shards: { eu0: { primary: 'postgres://h/a' }, eu1: { primary: 'postgres://h/b' } } }),
    ).toEqual([])
  })

  test.each([
    'postgres://h/a', 'postgresql://u@h:1/a?sslmode=require', 'postgres://u:p%40ss@[::1]:5432/a', '/var/run/postgresql shop',
    'socket:/tmp?db=shop', 'postgres://u:p@/shop?host=/tmp', 'postgres://us er:pw@h/a', 'postgres://%2Fvar%2Frun/shop',
  ])('a form that pg takes: %s', (form) => {
    expect(issuesOf({ shards: { eu0: { primary: form } } })).toEqual([])
  }) // prettier-ignore
})

describe('a password is never told', () => {
  const secret = 'S3cr3t-%2F'
  const places: readonly ((password: string) => unknown)[] = [
    (password) => ({ shards: { eu0: { primary: `postgres://u:${password}@h:99999/x` } } }),
    (password) => ({ shards: { eu0: { primary: `postgres://u:${password}` } } }),
    (password) => ({ shards: { eu0: { primary: password } } }),
    (password) => ({ shards: { eu0: { primary: { host: 'h', password: { password } } } } }),
    (password) => ({ shards: { eu0: { primary: { host: 'h', port: password } } } }),
    (password) => ({ shards: { eu0: { primary: { url: [password] } } } }),
    (password) => ({ shards: { eu0: { primary: { host: 'h', name: `${password} ` } } } }),
    (password) => ({ shards: { eu0: { primary: { host: 'h', zone: { password } } } } }),
    (password) => ({ ...two, client: { password: 7, user: { password } } }),
    (password) => ({ ...two, reads: { balance: password }, consistency: password, guard: password }),
    (password) => ({ ...two, assignment: password }),
    (password) => ({ ...two, tables: { t: { strategy: password } } }),
    (password) => ({
      shards: {
        eu0: { primary: `postgres://u:${password}@h/x`, replicas: [`postgres://u:${password}@h/x`] },
      },
    }),
  ]
  test('in no message, detail, cause or stack of an error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.string({ unit: fc.constantFrom(...Array.from('@:/?#[]%& \\"\'{}\nü')), maxLength: 5 }),
        (place, noise) => {
          let told = ''
          try {
            defineCluster(place(secret + noise) as ClusterInput)
          } catch (error) {
            told = inspect(error, { depth: 10, showHidden: true })
          }
          expect(told).not.toContain('S3cr3t')
        },
      ),
    )
  })

  test('nor when a configuration is printed', () => {
    const config = defineCluster({
      shards: { eu0: { primary: url('a'), replicas: [{ host: 'b', password: 'hunter2' }] } },
      client: { password: 'hunter2' },
    })
    expect(inspect(config, { depth: 10 })).not.toContain('hunter2')
    expect(JSON.stringify([...config.shards.values()])).not.toContain('hunter2')
    expect(inspect(topologyOf(config), { depth: 10 })).not.toContain('hunter2')
  })
})

describe('tables described elsewhere', () => {
  const config = defineCluster({ ...two, tables: { orders: tenant('tenant_id', { guard: 'required' }) } })

  test('are added', () => {
    const merged = mergeTables(config, { features: entity('id'), 'x.countries': reference() })
    expect([...(merged.keyspaces.get('main')?.tables.keys() ?? [])]).toEqual([
      'public.orders',
      'public.features',
      'x.countries',
    ])
    expect(config.keyspaces.get('main')?.tables.size).toBe(1)
  })

  test('may be described again the same', () => {
    const merged = mergeTables(config, { 'public.orders': tenant('tenant_id') })
    expect(merged.keyspaces.get('main')?.tables).toEqual(config.keyspaces.get('main')?.tables)
  })

  test('may not be described differently', () => {
    const different = { orders: tenant('customer_id'), 'public.orders': reference() }
    expect(() => mergeTables(config, different)).toThrow(expect.objectContaining({ code: 'CONFIG_CONFLICT' }))
    expect(() => mergeTables(config, different)).toThrow(/tenant "tenant_id" .*tenant "customer_id"/)
    expect(() => mergeTables(config, different)).toThrow('elsewhere as reference()')
  })

  test('need a keyspace when there are several', () => {
    const several = defineCluster({
      keyspaces: {
        a: { shards: two.shards, tables: { t: reference() } },
        b: { shards: { z: { primary: url('z') } } },
      },
    })
    expect(mergeTables(several, { t: reference() }).keyspaces.get('a')?.tables.size).toBe(1)
    expect(() => mergeTables(several, { u: reference() })).toThrow(
      /tables\.u: nothing says in which keyspace/,
    )
  })

  test('and malformed ones are refused', () => {
    expect(() => mergeTables(config, { orders: { strategy: 'nope' } } as never)).toThrow(
      /tables\.orders\.strategy: expected tenant/,
    )
  })
})

describe('pinned keys', () => {
  const config = defineCluster({
    ...two,
    tables: { orders: tenant('tenant_id'), lines: tenant('tenant_id'), features: entity('id') },
    directory: { tenant: { '007': 'eu1', 42: 'eu0' } },
  })
  const placement = (keyType: 'int8' | 'uuid') =>
    ({ strategy: 'tenant', group: 'tenant', keyColumn: 'tenant_id', keyType, isGuarded: false }) as const

  test('are spelled as the column is typed', () => {
    const map = createShardMaps(config, [placement('int8')]).get('tenant')
    expect(map?.pins).toEqual(new Map([['42', 16_384], ['7', 16_385]])) // prettier-ignore
    expect(map?.assignment.shards[map.assignment.buckets[16_385] ?? -1]).toBe('eu1')
  })

  test('that are no keys are refused without naming them', () => {
    expect(() => createShardMaps(config, [placement('uuid')])).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('42') }),
    )
  })

  test('keep their buckets in a stored assignment', () => {
    const assignment = createShardMaps(config, [placement('int8')]).get('tenant')?.assignment
    if (assignment === undefined) throw new Error('no assignment')
    const later = defineCluster({
      ...two,
      tables: { orders: tenant('tenant_id') },
      directory: { tenant: { 1: 'eu1', 7: 'eu1' } },
      assignment: JSON.stringify(storeAssignment(assignment)),
    })
    expect(createShardMaps(later, [placement('int8')]).get('tenant')?.pins).toEqual(
      new Map([['42', 16_384], ['7', 16_385], ['1', 16_386]]), // prettier-ignore
    )
  })
})
