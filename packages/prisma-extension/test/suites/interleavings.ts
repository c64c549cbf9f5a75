import type { RouteContext, Router } from '@shardline/core'
import type { PgNode } from '@shardline/local-cluster'
import { beforeAll, expect, it } from 'vitest'
import { extended, replicaOf, type Extended, type Harness } from './harness.ts'
import { landings } from './landings.ts'
import { Random } from './random.ts'

const seed = Number(process.env['SEED'] ?? 20_261_123)
const first = 10_000_001
const count = 3_000

/** One operation, its number, where it must land, and what it must return. */
interface Call {
  readonly number: number
  readonly kind: Kind
  readonly tenantId: number
  readonly context: Chosen
  /** Microtasks and ticks between the start of its group and the call. */
  readonly delay: number
}

const kinds = [
  'findUnique',
  'findUniqueOrThrow',
  'findUniqueWithInclude',
  'fluent',
  'customerById',
  'findFirst',
  'findMany',
  'batch',
  'interactive',
] as const
type Kind = (typeof kinds)[number]

/** How the context is given, and which. */
interface Chosen {
  readonly by: 'run' | 'client' | 'both' | 'nothing'
  readonly context: RouteContext
}

/** Thousands of operations in many contexts at once: each must be answered rightly, by the servers of its own context. */
export function interleavingsSuite(harness: Harness): void {
  let router: Router
  let prisma: Extended

  beforeAll(async () => {
    await harness.reset()
    router = await harness.createRouter()
    prisma = extended(
      router,
      harness.baseClient(router, { client: { transactionOptions: { maxWait: 30_000, timeout: 30_000 } } }),
    )
    for (const shard of harness.cluster.shards) {
      const tenants = [1, 2, 3, 4, 5, 6, 7, 8].filter((id) => harness.shardOf(id) === shard)
      // Every number is an order and a customer of every tenant's shard, so that a statement on the wrong one finds rows, too.
      await shard.primary.sql(
        `insert into orders (id, tenant_id, note)
         select n, t, t::text from generate_series($1::bigint, $2::bigint) n, unnest($3::int[]) t`,
        [first, first + count - 1, tenants],
      )
      await shard.primary.sql(
        `insert into customers (id, tenant_id, email, "displayName")
         select n, ($3::int[])[1 + n % cardinality($3::int[])], n::text, $4 from generate_series($1::bigint, $2::bigint) n`,
        [first, first + count - 1, tenants, shard.name],
      )
    }
    await harness.cluster.waitForReplay()
  })

  it(`keeps ${count} concurrent operations of many contexts apart (SEED=${seed})`, async () => {
    const random = new Random(seed)
    const calls = Array.from({ length: count }, (_, index) => chooseCall(random, first + index, harness))
    const wrong: string[] = []
    const landed = await landings(harness.cluster, { from: first, to: first + count - 1 }, async () => {
      for (let at = 0; at < calls.length;) {
        const size = 1 + random.below(60)
        await Promise.all(
          calls.slice(at, at + size).map(async (call) => {
            const seen = await outcome(router, prisma, call)
            const due = expected(call, harness)
            if (seen !== due) wrong.push(`${describe(call)}: ${seen} instead of ${due}`)
          }),
        )
        at += size
      }
    })
    for (const call of calls) {
      const nodes = [...(landed.get(call.number) ?? [])]
      const allowed = isRefused(call, harness) ? [] : allowedNodes(call, harness)
      for (const node of nodes) {
        if (!allowed.includes(node)) wrong.push(`${describe(call)}: sent to ${node.name}`)
      }
      if (nodes.length === 0 && allowed.length > 0) wrong.push(`${describe(call)}: sent nowhere`)
    }
    expect(wrong).toEqual([])
  })
}

function chooseCall(random: Random, number: number, harness: Harness): Call {
  const tenantId = 1 + random.below(8)
  const other = 1 + random.below(8)
  const kind = random.pick(kinds)
  const context = random.pick<RouteContext>([
    {},
    { tenant: tenantId },
    { tenant: tenantId },
    { tenant: other },
    { role: 'primary' },
    { consistency: 'strong' },
    { shard: harness.shardOf(tenantId).name },
    { tenant: tenantId, role: 'primary' },
    { tenant: BigInt(tenantId) },
  ])
  // Without a tenant, a customer's id says nothing about the shard.
  const given =
    kind === 'customerById' && !('tenant' in context) && !('shard' in context)
      ? { tenant: tenantId }
      : context
  const by = Object.keys(given).length === 0 ? 'nothing' : random.pick(['run', 'client', 'both'] as const)
  return { number, kind, tenantId, context: { by, context: given }, delay: random.below(6) }
}

async function outcome(router: Router, prisma: Extended, call: Call): Promise<string> {
  for (let step = 0; step < call.delay; step++) {
    if (step % 3 === 2)
      await new Promise<void>((resolve) => {
        process.nextTick(resolve)
      })
    else await Promise.resolve()
  }
  const { by, context } = call.context
  const bound = by === 'client' || by === 'both' ? prisma.$context(context) : prisma
  try {
    return by === 'run' || by === 'both'
      ? await router.run(context, () => perform(bound, call))
      : await perform(bound, call)
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}

/** The tenant of what was found, or the shard that says so. */
async function perform(prisma: Extended, { number, kind, tenantId }: Call): Promise<string> {
  const id = BigInt(number)
  const where = { tenantId_id: { tenantId, id } }
  switch (kind) {
    case 'findUnique':
      return tenantIn(await prisma.order.findUnique({ where }))
    case 'findUniqueOrThrow':
      return tenantIn(await prisma.order.findUniqueOrThrow({ where, select: { tenantId: true, note: true } }))
    case 'findUniqueWithInclude': {
      const order = await prisma.order.findUnique({ where, include: { tenant: true, lines: true } })
      return order?.tenant.id === tenantId ? tenantIn(order) : 'another tenant'
    }
    case 'fluent':
      return tenantIn({ tenantId: (await prisma.order.findUnique({ where }).tenant())?.id ?? 0 })
    case 'customerById':
      return (await prisma.customer.findUnique({ where: { id } }))?.name ?? 'nothing'
    case 'findFirst':
      return tenantIn(await prisma.order.findFirst({ where: { tenantId, id } }))
    case 'findMany':
      return tenantIn((await prisma.order.findMany({ where: { tenantId, id } }))[0] ?? null)
    case 'batch': {
      const [order, orders] = await prisma.$transaction([
        prisma.order.findUnique({ where }),
        prisma.order.count({ where: { tenantId, id } }),
      ])
      return orders === 1 ? tenantIn(order) : 'another count'
    }
    case 'interactive':
      return await prisma.$transaction(async (tx) => {
        const [order, again] = await bothOf(
          tx.order.findUnique({ where }),
          tx.$primary().order.findMany({ where: { tenantId, id } }),
        )
        return again.length === 1 ? tenantIn(order) : 'another count'
      })
  }
}

/** Of two failures the first one: the other is what PostgreSQL says in a transaction that has failed. */
async function bothOf<A, B>(one: PromiseLike<A>, other: PromiseLike<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([one, other])
  if (first.status === 'rejected') throw first.reason
  if (second.status === 'rejected') throw second.reason
  return [first.value, second.value]
}

function tenantIn(found: { readonly tenantId: number; readonly note?: string | null } | null): string {
  if (found === null) return 'nothing'
  return found.note === undefined || found.note === `${found.tenantId}` ? `${found.tenantId}` : 'another row'
}

function isRefused({ tenantId, kind, context: { context } }: Call, harness: Harness): boolean {
  if (context.tenant === undefined || Number(context.tenant) === tenantId) return false
  return kind !== 'customerById' || harness === undefined
}

function expected(call: Call, harness: Harness): string {
  const { tenantId, kind } = call
  if (isRefused(call, harness)) return 'TENANT_CONTRADICTED'
  if (kind !== 'customerById') return `${tenantId}`
  return shardOfCall(call, harness).name
}

function shardOfCall({ tenantId, context: { context } }: Call, harness: Harness) {
  return harness.shardOf(context.tenant === undefined ? tenantId : Number(context.tenant))
}

function allowedNodes(call: Call, harness: Harness): readonly PgNode[] {
  const shard = shardOfCall(call, harness)
  const { context } = call.context
  const isOnPrimary =
    context.role === 'primary' ||
    context.consistency === 'strong' ||
    call.kind === 'batch' ||
    call.kind === 'interactive'
  return isOnPrimary ? [shard.primary] : [replicaOf(shard)]
}

function describe({ number, kind, tenantId, context }: Call): string {
  const said = Object.entries(context.context).map(([key, value]) => `${key} ${value}`)
  return `${number} ${kind} of tenant ${tenantId} by ${context.by} ${said.join(', ')}`
}
