import assert from 'node:assert/strict'
import type { Router } from '@shardline/core'
import { serve } from './http.ts'
import type { Customer, Order, OrderBook } from './order-book.ts'
import { startServers, type Servers } from './servers.ts'

const tenants = [1, 2, 3, 4, 5, 6]

/**
 * What a user of the application would try, through HTTP: throws when an answer or the place of a row is wrong, and returns
 * how many tenants it tried it for.
 */
export async function followStory(open: (router: Router) => OrderBook | Promise<OrderBook>): Promise<number> {
  const servers = await startServers()
  const book = await open(servers.router)
  const { url, close } = await serve(book, servers.router)
  const call = async (path: string, tenant?: number, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      headers: tenant === undefined ? {} : { 'x-tenant': String(tenant) },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  try {
    const placed = new Map<number, Order>()
    for (const tenant of tenants) {
      const added = await call('/customers', tenant, { name: 'Kim', email: 'kim@example.org' })
      assert.equal(added.status, 200)
      const kim = added.body as Customer
      for (const sku of ['tea', 'mug']) {
        const lines = [
          { sku, quantity: tenant },
          { sku: 'pot', quantity: 1 },
        ]
        const answer = await call('/orders', tenant, { customerId: kim.id, lines })
        assert.equal(answer.status, 200)
        const order = answer.body as Order
        assert.deepEqual(order, { id: order.id, status: 'open', customer: kim, lines })
        placed.set(tenant, order)
      }
    }
    for (const [tenant, order] of placed) {
      const list = (await call('/orders?limit=10', tenant)).body as Order[]
      assert.equal(list.length, 2, 'a tenant sees its own orders and no other')
      assert.deepEqual(list[0], order, 'what was just written is read, whichever server is asked')
      assert.deepEqual((await call(`/orders/${order.id}`)).body, order, 'found by its id alone')
    }
    const [first] = placed.values()
    assert.equal((await call(`/orders/${first?.id}/ship`, undefined, {})).status, 200)
    assert.equal(((await call(`/orders/${first?.id}`)).body as Order).status, 'shipped')
    assert.equal((await call(`/orders/${1n << 22n}`)).status, 404)
    assert.deepEqual((await call('/best-sellers?limit=3')).body, [
      { sku: 'mug', quantity: 21 },
      { sku: 'tea', quantity: 21 },
      { sku: 'pot', quantity: 12 },
    ])
    await checkPlacement(servers)
    return placed.size
  } finally {
    await close()
    await book.close()
    await servers.stop()
  }
}

/** Every row lies on the shard of its tenant, and the tenants are not all on one. */
async function checkPlacement({ cluster, router }: Servers): Promise<void> {
  const homes = new Map<number, string>()
  for (const { name, primary } of cluster.shards) {
    const rows = await primary.sql<{ tenant_id: string; tables: string }>(
      `select tenant_id, count(distinct table_name) as tables from (
         select tenant_id, 'customers' as table_name from customers
         union all select tenant_id, 'orders' from orders
         union all select tenant_id, 'order_lines' from order_lines) as rows group by tenant_id`,
    )
    for (const row of rows) {
      const tenant = Number(row.tenant_id)
      assert.equal(homes.has(tenant), false, 'a tenant has rows on one shard only')
      assert.equal(Number(row.tables), 3)
      homes.set(tenant, name)
    }
  }
  assert.equal(homes.size, tenants.length)
  assert.equal(new Set(homes.values()).size, cluster.shards.length)
  for (const [tenant, shard] of homes) {
    const { route } = router.explain('select from orders where tenant_id = $1', [tenant])
    assert.equal(route.kind === 'single' && route.shard, shard)
  }
}
