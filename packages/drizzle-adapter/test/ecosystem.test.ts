import { DrizzleAdapter } from '@auth/drizzle-adapter'
import { createRouter, defineCluster, type Router } from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import { is } from 'drizzle-orm'
import { buildSchema } from 'drizzle-graphql'
import { PgDatabase, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { graphql } from 'graphql'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { drizzle, entity, reference, sharded, tenant } from '../src/index.ts'

const countries = sharded(
  pgTable('countries', { code: text('code').primaryKey(), name: text('name').notNull() }),
  () => reference(),
)
const orders = sharded(
  pgTable('orders', { tenantId: integer('tenant_id').notNull(), note: text('note') }),
  (t) => tenant(t.tenantId),
)
const users = sharded(
  pgTable('user', {
    id: text('id').primaryKey(),
    name: text('name'),
    email: text('email'),
    emailVerified: timestamp('emailVerified', { mode: 'date' }),
    image: text('image'),
  }),
  () => reference(),
)
const accounts = sharded(
  pgTable(
    'account',
    {
      userId: text('userId').notNull(),
      type: text('type').notNull(),
      provider: text('provider').notNull(),
      providerAccountId: text('providerAccountId').notNull(),
      refresh_token: text('refresh_token'),
      access_token: text('access_token'),
      expires_at: integer('expires_at'),
      token_type: text('token_type'),
      scope: text('scope'),
      id_token: text('id_token'),
      session_state: text('session_state'),
    },
    (t) => [primaryKey({ columns: [t.provider, t.providerAccountId] })],
  ),
  () => reference(),
)
const sessions = sharded(
  pgTable('session', {
    sessionToken: text('sessionToken').primaryKey(),
    userId: text('userId').notNull(),
    expires: timestamp('expires', { mode: 'date' }).notNull(),
  }),
  (t) => entity(t.sessionToken),
)
const schema = { countries, orders, users, accounts, sessions }

let cluster: Cluster
let router: Router

beforeAll(async () => {
  cluster = await startCluster({ shards: 2 })
  await cluster.sql(`
    create table countries (code text primary key, name text not null);
    create table orders (tenant_id int not null, note text);
    create table "user" (id text primary key, name text, email text, "emailVerified" timestamp, image text);
    create table account ("userId" text not null, type text not null, provider text not null,
      "providerAccountId" text not null, refresh_token text, access_token text, expires_at int, token_type text,
      scope text, id_token text, session_state text, primary key (provider, "providerAccountId"));
    create table session ("sessionToken" text primary key, "userId" text not null, expires timestamp not null);
  `)
  router = await createRouter(defineCluster({ shards: cluster.urls }))
})
afterAll(async () => {
  await router?.end()
  await cluster?.stop()
})

it('is a PgDatabase', () => {
  expect(is(drizzle(router, { schema }), PgDatabase)).toBe(true)
})

it('serves drizzle-graphql', async () => {
  const db = drizzle(router, { schema: { countries, orders } })
  const { schema: served } = buildSchema(db)
  // The copy that drizzle-graphql has: vitest would load the one for bundlers.
  const load = createRequire(import.meta.url)
  const { graphql: run } = load('graphql') as { readonly graphql: typeof graphql }
  const ask = async (source: string) => await run({ schema: served, source })
  const inserted = await ask(
    'mutation { insertIntoOrders(values: [{ tenantId: 1, note: "a" }, { tenantId: 2, note: "b" }, { tenantId: 3 }]) { tenantId } }',
  )
  expect(inserted.errors).toBeUndefined()
  const read = await ask(
    '{ orders(orderBy: { tenantId: { direction: desc, priority: 1 } }, limit: 2) { tenantId note } ordersSingle(where: { tenantId: { eq: 1 } }) { note } }',
  )
  expect(read.errors).toBeUndefined()
  expect(read.data).toEqual({
    orders: [
      { tenantId: 3, note: null },
      { tenantId: 2, note: 'b' },
    ],
    ordersSingle: { note: 'a' },
  })
})

it('serves the adapter of Auth.js', async () => {
  const adapter = DrizzleAdapter(drizzle(router, { schema }), {
    usersTable: users,
    accountsTable: accounts,
    sessionsTable: sessions,
  })
  const user = await adapter.createUser?.({
    id: 'u1',
    email: 'ada@example.com',
    emailVerified: null,
    name: 'Ada',
  })
  expect(user).toMatchObject({ id: 'u1', name: 'Ada' })
  await adapter.linkAccount?.({ userId: 'u1', type: 'oidc', provider: 'p', providerAccountId: '7' })
  expect(await adapter.getUserByEmail?.('ada@example.com')).toMatchObject({ id: 'u1' })
  expect(await adapter.getUserByAccount?.({ provider: 'p', providerAccountId: '7' })).toMatchObject({
    id: 'u1',
  })
  const expires = new Date('2030-01-01T00:00:00Z')
  for (const sessionToken of ['s1', 's2', 's3', 's4']) {
    await adapter.createSession?.({ sessionToken, userId: 'u1', expires })
    expect(await adapter.getSessionAndUser?.(sessionToken)).toMatchObject({
      session: { sessionToken, expires },
      user: { id: 'u1' },
    })
  }
  expect(await adapter.updateUser?.({ id: 'u1', name: 'Countess' })).toMatchObject({ name: 'Countess' })
  await adapter.deleteSession?.('s1')
  expect(await adapter.getSessionAndUser?.('s1')).toBeNull()
})
