import type { Prisma, PrismaClient } from './harness.ts'

/** What the list below is run on: a client with or without Shardline. */
export type Subject = Omit<PrismaClient, '$on' | '$extends'>

type Operation = (prisma: Subject, runtime: typeof Prisma) => PromiseLike<unknown>

const at = (text: string): Date => new Date(`2026-02-0${text}Z`)
const order = (tenantId: number, id: number) => ({ tenantId_id: { tenantId, id: BigInt(id) } })
const sampleId = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'

/**
 * What applications do with Prisma, in this order: each must answer, or fail, through Shardline as without. Rows are written
 * first, and those that fail change nothing.
 */
export const operations: Readonly<Record<string, Operation>> = {
  create: (p) =>
    p.order.create({
      data: { tenantId: 1, id: 1n, total: '9.90', note: 'first', placedAt: at('1T10:00:00') },
    }),
  'create with nested rows': (p) =>
    p.order.create({
      data: {
        tenantId: 1,
        id: 2n,
        placedAt: at('2T10:00:00.123'),
        lines: { create: [{ sku: 'a', quantity: 2 }, { sku: 'b' }] },
      },
      include: { lines: { orderBy: { sku: 'asc' } } },
    }),
  'create with a selection': (p) =>
    p.order.create({
      data: { tenantId: 2, id: 3n, status: 'paid', meta: { a: [1, null] }, placedAt: at('3T10:00:00') },
      select: { status: true, meta: true },
    }),
  'create of a parent with children': (p) =>
    p.customer.create({ data: { id: 10n, tenantId: 1, email: 'a@x', name: 'Ann' } }),
  'create connected': (p) =>
    p.order.create({
      data: {
        id: 4n,
        total: 3,
        placedAt: at('4T10:00:00'),
        tenant: { connect: { id: 1 } },
        customer: { connect: { id: 10n, tenantId: 1 } },
      },
      include: { tenant: true },
    }),
  'connect or create': (p) =>
    p.order.update({
      where: order(1, 4),
      data: {
        customer: {
          connectOrCreate: {
            where: { id: 10n, tenantId: 1 },
            create: { id: 10n, tenantId: 1, email: 'b@x', name: 'Bob' },
          },
        },
      },
    }),
  createMany: (p) =>
    p.order.createMany({
      data: [5, 6, 7].map((id) => ({
        tenantId: 2,
        id: BigInt(id),
        total: id,
        placedAt: at(`${id}T10:00:00`),
      })),
    }),
  'createMany skipping duplicates': (p) =>
    p.order.createMany({
      data: [
        { tenantId: 2, id: 7n },
        { tenantId: 2, id: 8n, placedAt: at('8T10:00:00') },
      ],
      skipDuplicates: true,
    }),
  createManyAndReturn: (p) =>
    p.line.createManyAndReturn({
      data: [
        { tenantId: 2, orderId: 5n, sku: 'x' },
        { tenantId: 2, orderId: 5n, sku: 'y', quantity: 9 },
      ],
      select: { sku: true, quantity: true },
    }),
  findUnique: (p) => p.order.findUnique({ where: order(1, 1) }),
  'findUnique of nothing': (p) => p.order.findUnique({ where: order(1, 99) }),
  'findUnique by another key': (p) =>
    p.customer.findUnique({ where: { tenantId_email: { tenantId: 1, email: 'a@x' } } }),
  'findUnique with a condition': (p) =>
    p.order.findUnique({ where: { ...order(2, 3), status: 'paid', AND: [{ total: 0 }] } }),
  'findUniqueOrThrow of nothing': (p) => p.order.findUniqueOrThrow({ where: order(1, 99) }),
  findFirst: (p) => p.order.findFirst({ where: { tenantId: 2, status: 'open' }, orderBy: { id: 'desc' } }),
  'findFirstOrThrow of nothing': (p) => p.order.findFirstOrThrow({ where: { tenantId: 1, note: 'none' } }),
  'findUniques of one tick': (p) =>
    Promise.all(
      [1, 2, 4, 99].map((id) =>
        p.order.findUnique({ where: order(1, id), select: { id: true, note: true } }),
      ),
    ),
  'findUniques of several tenants in one tick': (p) =>
    Promise.all(
      [order(1, 1), order(2, 3), order(2, 5), order(1, 4)].map((where) =>
        p.order.findUnique({ where, include: { tenant: true } }),
      ),
    ),
  'findUniqueOrThrows of one tick': (p) =>
    Promise.allSettled([1, 99].map((id) => p.order.findUniqueOrThrow({ where: order(1, id) }))).then((all) =>
      all.map(({ status }) => status),
    ),
  findMany: (p) => p.order.findMany({ where: { tenantId: 1 }, orderBy: { id: 'asc' } }),
  'findMany of all': (p) => p.order.findMany({ orderBy: { id: 'asc' } }),
  'findMany with include': (p) =>
    p.order.findMany({
      where: { tenantId: 1 },
      orderBy: { id: 'asc' },
      include: { lines: { orderBy: { sku: 'desc' } }, customer: { include: { tenant: true } } },
    }),
  'findMany of all with include': (p) =>
    p.order.findMany({
      orderBy: { id: 'asc' },
      include: { lines: { orderBy: { sku: 'asc' } }, tenant: true },
    }),
  'a page of an included relation': (p) =>
    p.order.findMany({
      where: { tenantId: 2 },
      orderBy: { id: 'asc' },
      include: { lines: { orderBy: { sku: 'desc' }, take: 1 } },
    }),
  'a nested selection with omit': (p) =>
    p.order.findMany({
      where: { tenantId: 1 },
      orderBy: { id: 'asc' },
      omit: { placedAt: true, meta: true },
    }),
  'a count of relations': (p) =>
    p.order.findMany({
      where: { tenantId: 2 },
      orderBy: { id: 'asc' },
      select: { id: true, _count: { select: { lines: true } } },
    }),
  'filters: some, none, every': (p) =>
    p.order.findMany({
      where: {
        tenantId: 1,
        OR: [{ lines: { some: { quantity: { gt: 1 } } } }, { lines: { none: {} }, note: { not: null } }],
      },
      orderBy: { id: 'asc' },
      select: { id: true },
    }),
  'filters: text': (p) =>
    p.order.findMany({
      where: { tenantId: 1, note: { contains: 'FIR', mode: 'insensitive' } },
      select: { note: true },
    }),
  'filters: in, not, ranges, null': (p) =>
    p.order.findMany({
      where: {
        tenantId: { in: [1, 2] },
        id: { notIn: [1n] },
        total: { gte: 0, lt: 7 },
        note: null,
        NOT: { status: 'cancelled' },
      },
      orderBy: { id: 'asc' },
      select: { id: true },
    }),
  'filters: relation of another': (p) =>
    p.order.findMany({ where: { tenantId: 1, customer: { is: { email: 'a@x' } } }, select: { id: true } }),
  'filters: JSON': (p) =>
    p.order.findMany({ where: { tenantId: 2, meta: { path: ['a', '0'], equals: 1 } }, select: { id: true } }),
  'a field compared with another': (p) =>
    p.order.findMany({
      where: { tenantId: 2, total: { equals: p.order.fields.total } },
      orderBy: { id: 'asc' },
      select: { id: true },
    }),
  'skip and take': (p) =>
    p.order.findMany({
      where: { tenantId: 2 },
      orderBy: { id: 'asc' },
      skip: 1,
      take: 2,
      select: { id: true },
    }),
  'skip and take over all': (p) =>
    p.order.findMany({ orderBy: { placedAt: 'desc' }, skip: 2, take: 3, select: { id: true } }),
  'the last ones': (p) =>
    p.order.findMany({ where: { tenantId: 2 }, orderBy: { id: 'asc' }, take: -2, select: { id: true } }),
  'a cursor': (p) =>
    p.order.findMany({
      where: { tenantId: 2 },
      cursor: order(2, 5),
      orderBy: { id: 'asc' },
      take: 2,
      skip: 1,
      select: { id: true },
    }),
  distinct: (p) =>
    p.order.findMany({
      distinct: ['status'],
      where: { tenantId: 2 },
      orderBy: { status: 'asc' },
      select: { status: true },
    }),
  'order by relation': (p) =>
    p.order.findMany({
      where: { tenantId: 1 },
      orderBy: [{ customer: { email: { sort: 'asc', nulls: 'last' } } }, { id: 'desc' }] as never,
      select: { id: true },
    }),
  'order by count': (p) =>
    p.order.findMany({
      where: { tenantId: 2 },
      orderBy: [{ lines: { _count: 'desc' } }, { id: 'asc' }],
      select: { id: true },
    }),
  'the fluent API': (p) => p.order.findUnique({ where: order(1, 2) }).lines({ orderBy: { sku: 'asc' } }),
  'the fluent API, twice': (p) =>
    p.order
      .findUnique({ where: order(1, 4) })
      .customer()
      .tenant(),
  count: (p) => p.order.count({ where: { tenantId: 2 } }),
  'count of all': (p) => p.order.count(),
  'count with take': (p) => p.order.count({ where: { tenantId: 2 }, take: 2 }),
  'count by field': (p) =>
    p.order.count({ where: { tenantId: 1 }, select: { _all: true, note: true, customerId: true } }),
  aggregate: (p) =>
    p.order.aggregate({
      where: { tenantId: 2 },
      _sum: { total: true },
      _avg: { total: true },
      _min: { placedAt: true },
      _max: { id: true },
      _count: true,
    }),
  'aggregate of all': (p) =>
    p.order.aggregate({
      _sum: { total: true },
      _min: { total: true },
      _max: { placedAt: true },
      _count: { _all: true },
    }),
  groupBy: (p) =>
    p.order.groupBy({
      by: ['status'],
      where: { tenantId: 2 },
      _count: true,
      _sum: { total: true },
      orderBy: { status: 'asc' },
    }),
  'groupBy of all with having': (p) =>
    p.order.groupBy({
      by: ['tenantId'],
      _count: { _all: true },
      having: { total: { _avg: { gt: 0 } } },
      orderBy: { tenantId: 'asc' },
    }),
  update: (p) =>
    p.order.update({ where: order(1, 1), data: { note: 'changed', total: { increment: '0.10' } } }),
  'update with nested writes': (p) =>
    p.order.update({
      where: order(1, 2),
      data: {
        note: 'lines',
        lines: {
          update: {
            where: { tenantId_orderId_sku: { tenantId: 1, orderId: 2n, sku: 'a' } },
            data: { quantity: 5 },
          },
          deleteMany: { sku: 'b' },
          create: { sku: 'c' },
        },
      },
      include: { lines: { orderBy: { sku: 'asc' } } },
    }),
  'update of nothing': (p) => p.order.update({ where: order(1, 99), data: { note: 'x' } }),
  updateMany: (p) => p.order.updateMany({ where: { tenantId: 2, status: 'open' }, data: { note: 'many' } }),
  updateManyAndReturn: (p) =>
    p.order.updateManyAndReturn({
      where: { tenantId: 2, id: 5n },
      data: { note: null },
      select: { id: true, note: true },
    }),
  'upsert of a new row': (p) =>
    p.feature.upsert({ where: { entityId: 'u' }, create: { entityId: 'u', value: 1 }, update: { value: 2 } }),
  'upsert of a known row': (p) =>
    p.feature.upsert({
      where: { entityId: 'u' },
      create: { entityId: 'u', value: 1 },
      update: { value: { increment: 2 }, version: { set: 7 } },
    }),
  'upsert with relations': (p) =>
    p.order.upsert({
      where: order(1, 9),
      create: { id: 9n, tenantId: 1, placedAt: at('9T10:00:00'), lines: { create: { sku: 'z' } } },
      update: {},
      include: { lines: true },
    }),
  delete: (p) => p.order.delete({ where: order(1, 9) }),
  'delete of nothing': (p) => p.order.delete({ where: order(1, 9) }),
  deleteMany: (p) => p.line.deleteMany({ where: { tenantId: 1, orderId: 2n, sku: 'c' } }),
  'every type': (p) =>
    p.sample.create({
      data: {
        tenantId: 1,
        id: sampleId,
        text: 'käse \u{1F9C0}',
        big: 9_007_199_254_740_993n,
        real: 0.1,
        exact: '12345678901234567890.0123456789',
        bytes: new Uint8Array([0, 255, 1]),
        json: { deep: [{ n: 1.5 }, 'x', null] },
        at: at('1T01:02:03.456'),
        local: at('2T01:02:03.456'),
        day: new Date('2026-02-03'),
        time: new Date('1970-01-01T04:05:06.789Z'),
        flag: true,
        status: 'cancelled',
        texts: ['a', 'b"c', ''],
        numbers: [1, -2],
        bigs: [1n, 9_007_199_254_740_993n],
        exacts: ['1.10', '-2'],
        times: [at('4T01:02:03.456')],
        statuses: ['open', 'cancelled'],
        blobs: [new Uint8Array([1, 2])],
        jsons: [{ a: 1 }, [2]],
      },
    }),
  'every type read': (p) => p.sample.findUnique({ where: { tenantId_id: { tenantId: 1, id: sampleId } } }),
  'filters by every type': (p) =>
    p.sample.findFirst({
      where: {
        tenantId: 1,
        big: 9_007_199_254_740_993n,
        exact: '12345678901234567890.0123456789',
        at: at('1T01:02:03.456'),
        day: new Date('2026-02-03'),
        status: 'cancelled',
        texts: { has: 'a' },
        numbers: { hasEvery: [1] },
        flag: true,
        bytes: new Uint8Array([0, 255, 1]),
      },
      select: { text: true },
    }),
  'lists pushed and JSON null': (p, { DbNull, JsonNull }) =>
    p.sample
      .update({
        where: { tenantId_id: { tenantId: 1, id: sampleId } },
        data: {
          texts: { push: 'd' },
          json: JsonNull,
          jsons: { set: [] },
          bytes: null,
          numbers: { set: [3] },
        },
        select: { texts: true, json: true, jsons: true, bytes: true, numbers: true },
      })
      .then(async (updated) => [
        updated,
        await p.sample.count({ where: { tenantId: 1, json: { equals: DbNull } } }),
      ]),
  'a time-keyed row': (p) =>
    p.reading.create({ data: { recordedAt: at('1T00:00:00.001'), sensor: 1, value: 1.25 } }),
  'time-keyed rows of a range': (p) =>
    p.reading.findMany({
      where: { recordedAt: { gte: at('1T00:00:00'), lt: at('2T00:00:00') } },
      orderBy: { recordedAt: 'asc' },
    }),
  'a reference row': (p) => p.country.create({ data: { code: 'de', name: 'Germany' } }),
  'a reference row read': (p) => p.country.findUnique({ where: { code: 'de' } }),
  'an unsharded row': (p) =>
    p.setting.upsert({ where: { key: 'k' }, create: { key: 'k', value: 'v' }, update: { value: 'w' } }),
  $queryRaw: (p) =>
    p.$queryRaw`select id, total, note, placed_at, meta, status::text from orders where tenant_id = ${2} and id = ${3n}`,
  '$queryRaw with joined values': (p, { join, sql }) =>
    p.$queryRaw(sql`select id from orders where tenant_id = 1 and id in (${join([1n, 2n])}) order by id`),
  $queryRawUnsafe: (p) =>
    p.$queryRawUnsafe('select count(*)::int as n, sum(total) as total from orders where tenant_id = $1', 2),
  $executeRaw: (p) => p.$executeRaw`update orders set note = ${'raw'} where tenant_id = ${2} and id > ${5n}`,
  $executeRawUnsafe: (p) =>
    p.$executeRawUnsafe('update orders set note = null where tenant_id = $1 and note = $2', 2, 'raw'),
  'raw SQL with an error': (p) => p.$queryRaw`select 1 / (tenant_id - 1) from orders where tenant_id = ${1}`,
  'raw SQL that is none': (p) => p.$queryRawUnsafe('selec 1'),
  'raw SQL of every type': (p) =>
    p.$queryRaw`select 1::int2 a, 2::int8 b, 1.50::numeric c, 0.1::float4 d, true e, 'x'::char(3) f, '{1,2}'::int8[] g, '{"a":1}'::json h, now() - now() > '1 day' i, '2026-02-03'::date j, '04:05'::time k, '\\x01'::bytea l, null m, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid n from tenants where id = 1`,
  '$transaction of a list': (p) =>
    p.$transaction([
      p.order.count({ where: { tenantId: 2 } }),
      p.order.update({ where: order(2, 5), data: { note: 'listed' }, select: { note: true } }),
      p.$queryRaw`select note from orders where tenant_id = 2 and id = 5`,
    ]),
  '$transaction of a list that fails': (p) =>
    p.$transaction([
      p.order.update({ where: order(2, 5), data: { note: 'lost' } }),
      p.order.create({ data: { tenantId: 2, id: 5n } }),
    ]),
  'what that left': (p) => p.order.findUnique({ where: order(2, 5), select: { note: true } }),
  'an interactive transaction': (p) =>
    p.$transaction(async (tx) => {
      const { total } = await tx.order.update({ where: order(2, 6), data: { total: { increment: 1 } } })
      return [
        total,
        await tx.order.findMany({ where: { tenantId: 2, total }, select: { id: true } }),
        await tx.order.count({ where: { tenantId: 2 } }),
      ]
    }),
  'an interactive transaction that is given up': (p) =>
    p.$transaction(async (tx) => {
      await tx.order.deleteMany({ where: { tenantId: 2 } })
      throw new RangeError('given up')
    }),
  'a level of isolation': (p) =>
    p.$transaction(
      (tx) =>
        tx.$queryRaw`select current_setting('transaction_isolation') as level from tenants where id = 1`,
      { isolationLevel: 'Serializable' },
    ),
  'a transaction that takes too long': (p) =>
    p
      .$transaction(
        async (tx) => {
          await tx.order.count({ where: { tenantId: 1 } })
          await tx.$queryRaw`select pg_sleep(0.3)::text from tenants where id = 1`
          await tx.order.count({ where: { tenantId: 1 } })
        },
        { timeout: 100 },
      )
      .catch((error: { readonly code?: string }) => error.code),
  'an error in a transaction': (p) =>
    p.$transaction(async (tx) => {
      await tx.order.create({ data: { tenantId: 2, id: 5n } }).catch(() => {})
      await tx.order.count({ where: { tenantId: 2 } })
    }),
  'a key that exists': (p) => p.order.create({ data: { tenantId: 1, id: 1n } }),
  'a unique key that exists': (p) =>
    p.customer.create({ data: { id: 11n, tenantId: 1, email: 'a@x', name: 'x' } }),
  'a nested key that exists': (p) =>
    p.order.update({ where: order(1, 2), data: { lines: { create: [{ sku: 'a' }] } } }),
  'a foreign key of nothing': (p) => p.order.create({ data: { tenantId: 1, id: 70n, customerId: 999n } }),
  'a parent that is needed': (p) => p.customer.delete({ where: { id: 10n, tenantId: 1 } }),
  'a required relation of nothing': (p) =>
    p.order.update({ where: order(1, 1), data: { customer: { connect: { id: 999n, tenantId: 1 } } } }),
  'a check': (p) => p.order.update({ where: order(1, 1), data: { total: -1 } }),
  'a number out of range': (p) => p.order.update({ where: order(1, 1), data: { total: '99999999999.99' } }),
  'an argument that is none': (p) => p.order.findMany({ where: { tenant: 1 } } as never),
  'a value of another type': (p) => p.order.findMany({ where: { tenantId: 'one' } } as never),
  'a raw error with a code': (p) => p.$executeRaw`insert into orders (tenant_id, id) values (${1}, ${1n})`,
}
