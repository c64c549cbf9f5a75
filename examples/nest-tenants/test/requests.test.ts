import 'reflect-metadata'
import type { INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { startServers, type Servers } from '@shardline/example-orders'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppModule } from '../src/app-module.ts'

const tenants = [1, 2, 3, 4, 5, 6]

let servers: Servers
let app: INestApplication
let url: string

beforeAll(async () => {
  servers = await startServers()
  app = await NestFactory.create(AppModule.over(servers.router), { logger: ['error'] })
  await app.listen(0, '127.0.0.1')
  url = `${await app.getUrl()}/customers`
})

afterAll(async () => {
  await app?.close()
  await servers?.stop()
})

async function call(path: string, tenant: number | string, body?: unknown) {
  const response = await fetch(`${url}${path}`, {
    headers: { 'x-tenant': String(tenant), 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

test('concurrent requests of different tenants stay with their own rows', async () => {
  const names = tenants.flatMap((tenant) =>
    [1, 2, 3].map((n) => ({ tenant, name: `customer ${n} of ${tenant}` })),
  )
  const added = await Promise.all(
    names.map(({ tenant, name }) =>
      call('', tenant, { name, email: `${name.replaceAll(' ', '.')}@example.org` }),
    ),
  )
  expect(added.map(({ status }) => status)).toEqual(names.map(() => 201))
  const lists = await Promise.all(tenants.map((tenant) => call('', tenant)))
  for (const [index, each] of lists.entries()) {
    const body = each.body as { tenantId: string; name: string }[]
    const tenant = tenants[index]
    expect(body.map(({ name }) => name).toSorted()).toEqual(
      [1, 2, 3].map((n) => `customer ${n} of ${tenant}`),
    )
    expect(new Set(body.map(({ tenantId }) => tenantId))).toEqual(new Set([String(tenant)]))
  }
})

test('a customer of another tenant is not found', async () => {
  const { body } = await call('', 1)
  const id = (body as { id: string }[])[0]?.id ?? ''
  expect((await call(`/${id}`, 1)).status).toBe(200)
  const statuses = await Promise.all(
    tenants.slice(1).map(async (tenant) => (await call(`/${id}`, tenant)).status),
  )
  // Of another shard it is refused, of the same shard not found: nobody gets to see it.
  expect(statuses.every((status) => status >= 400)).toBe(true)
})

test('a request without a tenant is refused', async () => {
  expect((await call('', '')).status).toBe(400)
})
