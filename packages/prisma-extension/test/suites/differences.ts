import { ShardlineError } from '@shardline/core'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { extended, type Harness, type Prisma, type PrismaClient } from './harness.ts'
import { operations, type Subject } from './operations.ts'

/** The same operations on `PrismaPg` over one PostgreSQL, through a router over one, and through one over a cluster. */
export function differencesSuite(harness: Harness): void {
  const { PrismaClient: Client, Prisma } = harness.generated
  let plain: PrismaClient
  let single: Subject
  let cluster: Subject
  const url = (database: string): string =>
    harness.cluster.shards[0]?.primary.url.replace(/\/postgres$/, `/${database}`) ?? ''

  beforeAll(async () => {
    await harness.reset()
    await harness.createDatabases(['alone', 'routed'])
    plain = new Client({ adapter: new PrismaPg({ connectionString: url('alone') }), errorFormat: 'minimal' })
    const alone = await harness.createRouter({ shards: { only: { primary: url('routed') } } })
    single = extended(alone, harness.baseClient(alone)) as unknown as Subject
    const router = await harness.createRouter({ consistency: 'session' })
    cluster = extended(router, harness.baseClient(router)) as unknown as Subject
  })
  afterAll(() => plain?.$disconnect())

  describe.each(Object.entries(operations))('%s', (_name, act) => {
    it('is alike', async () => {
      const expected = await outcome(act(plain, Prisma))
      expect(await outcome(act(single, Prisma))).toEqual(expected)
      expect(await outcome(act(cluster, Prisma))).toEqual(expected)
    })
  })
}

async function outcome(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    return { result: asData(await promise) }
  } catch (error) {
    if (error instanceof ShardlineError) return { refusal: error.code, message: error.message }
    return { error: asData(error) }
  }
}

/** Values of Prisma's own classes compare by what they print, errors by all that they tell. */
function asData(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value))
    return value
  if (Array.isArray(value)) return value.map(asData)
  if ('toFixed' in value) return `decimal ${(value as Prisma.Decimal).toString()}`
  const own = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asData(one)]))
  if (!(value instanceof Error)) return own
  const { name, message, cause } = value
  return { ...own, class: value.constructor.name, name, message, cause: asData(cause) }
}
