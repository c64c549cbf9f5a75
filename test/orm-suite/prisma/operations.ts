import type { Operations } from '../application.ts'
import type {
  Customer,
  Feature,
  NewCustomer,
  NewDocument,
  NewLine,
  NewOrder,
  Page,
  Product,
  Reading,
  Setting,
  Tenant,
} from '../domain/model.ts'
import type { Client, GeneratedClient, Prisma } from './client.ts'
import { money, toOrder, toOrderWithLines, toProduct } from './rows.ts'

const linesById = { lines: { orderBy: { id: 'asc' } } } as const

/** What one Prisma client, or one transaction of it, does. */
export class PrismaOperations implements Operations {
  protected readonly client: Client
  protected readonly generated: GeneratedClient

  constructor(client: Client, generated: GeneratedClient) {
    this.client = client
    this.generated = generated
  }

  async tenantById(id: number) {
    return found(await this.client.tenant.findUnique({ where: { id } }))
  }

  async orderById(id: bigint) {
    const order = await this.client.order.findUnique({ where: { id } })
    return order === null ? undefined : toOrder(order)
  }

  async orderOfTenant(tenantId: number, id: bigint) {
    const order = await this.client.order.findUnique({ where: { tenantId, id } })
    return order === null ? undefined : toOrder(order)
  }

  async ordersByIds(ids: readonly bigint[]) {
    return this.#orders({ where: { id: { in: [...ids] } }, orderBy: { id: 'asc' } })
  }

  ordersOfTenant(tenantId: number, page: Page) {
    return this.#newest({ tenantId }, page)
  }

  newestOrders(page: Page) {
    return this.#newest({}, page)
  }

  async ordersAfter(tenantId: number, id: bigint, limit: number) {
    return this.#orders({
      where: { tenantId },
      cursor: { id },
      skip: 1,
      take: limit,
      orderBy: { id: 'asc' },
    })
  }

  countOrders(tenantId?: number) {
    return tenantId === undefined
      ? this.client.order.count()
      : this.client.order.count({ where: { tenantId } })
  }

  async totalsByStatus(tenantId?: number) {
    const groups = await this.client.order.groupBy({
      by: 'status',
      where: tenantId === undefined ? {} : { tenantId },
      _count: true,
      _sum: { total: true },
      orderBy: { status: 'asc' },
    })
    return groups.map(({ status, _count, _sum }) => ({
      status,
      orders: _count,
      total: _sum.total === null ? '' : money(_sum.total),
    }))
  }

  async summary(tenantId?: number) {
    const { _count, _sum, _avg, _min, _max } = await this.client.order.aggregate({
      where: tenantId === undefined ? {} : { tenantId },
      _count: true,
      _sum: { total: true },
      _avg: { total: true },
      _min: { total: true },
      _max: { total: true },
    })
    return {
      orders: _count,
      sum: _sum.total && money(_sum.total),
      average: _avg.total && money(_avg.total),
      least: _min.total && money(_min.total),
      most: _max.total && money(_max.total),
    }
  }

  async statuses() {
    const orders = await this.client.order.findMany({
      distinct: ['status'],
      select: { status: true },
      orderBy: { status: 'asc' },
    })
    return orders.map(({ status }) => status)
  }

  async customerById(id: bigint) {
    return found(await this.client.customer.findUnique({ where: { id } }))
  }

  async orderGraph(id: bigint) {
    const order = await this.client.order.findUnique({
      where: { id },
      include: { ...linesById, customer: true },
    })
    return order === null ? undefined : { ...toOrderWithLines(order), customer: order.customer }
  }

  async ordersWithLines(tenantId: number) {
    const orders = await this.client.order.findMany({
      where: { tenantId },
      include: linesById,
      orderBy: { id: 'asc' },
    })
    return orders.map(toOrderWithLines)
  }

  linesOfOrder(orderId: bigint) {
    return this.client.orderLine.findMany({ where: { orderId }, orderBy: { id: 'asc' } })
  }

  async customerOfOrder(orderId: bigint) {
    return found(await this.client.order.findUnique({ where: { id: orderId } }).customer())
  }

  ordersOfEmail(tenantId: number, email: string) {
    return this.#orders({ where: { tenantId, customer: { email } }, orderBy: { id: 'asc' } })
  }

  async documentById(id: string) {
    return found(await this.client.document.findUnique({ where: { id } }))
  }

  documentsOfTenant(tenantId: number) {
    return this.client.document.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
  }

  async productBySku(sku: string) {
    const product = await this.client.product.findUnique({ where: { sku } })
    return product === null ? undefined : toProduct(product)
  }

  async featureById(entityId: string) {
    return found(await this.client.feature.findUnique({ where: { entityId } }))
  }

  featuresByIds(entityIds: readonly string[]) {
    return this.client.feature.findMany({
      where: { entityId: { in: [...entityIds] } },
      orderBy: { entityId: 'asc' },
    })
  }

  readingsBetween(from: Date, to: Date) {
    return this.client.reading.findMany({
      where: { recordedAt: { gte: from, lt: to } },
      orderBy: [{ recordedAt: 'asc' }, { sensorId: 'asc' }],
    })
  }

  async settingByKey(key: string) {
    return found(await this.client.setting.findUnique({ where: { key } }))
  }

  createTenant(data: Tenant) {
    return this.client.tenant.create({ data })
  }

  createCustomer(customer: NewCustomer) {
    return this.client.customer.create({ data: given(customer) })
  }

  async createOrder(order: NewOrder) {
    return toOrder(await this.client.order.create({ data: this.#orderInput(order) }))
  }

  async createOrderWithLines(order: NewOrder, lines: readonly NewLine[]) {
    const created = await this.client.order.create({
      data: {
        ...this.#orderInput(order),
        lines: { create: lines.map((line) => ({ ...given(line), tenantId: order.tenantId })) },
      },
      include: linesById,
    })
    return toOrderWithLines(created)
  }

  createDocument(document: NewDocument) {
    return this.client.document.create({ data: given(document) })
  }

  async createProduct(data: Product) {
    return toProduct(await this.client.product.create({ data }))
  }

  async createOrders(orders: readonly NewOrder[]) {
    const { count } = await this.client.order.createMany({
      data: orders.map((order) => this.#orderInput(order)),
    })
    return count
  }

  async createFeatures(features: readonly Feature[]) {
    return (await this.client.feature.createMany({ data: [...features] })).count
  }

  async createReadings(readings: readonly Reading[]) {
    return (await this.client.reading.createMany({ data: [...readings] })).count
  }

  putFeature(feature: Feature) {
    const { entityId, value } = feature
    return this.client.feature.upsert({ where: { entityId }, create: feature, update: { value } })
  }

  putCustomer(customer: Customer) {
    const { id, displayName } = customer
    return this.client.customer.upsert({ where: { id }, create: customer, update: { displayName } })
  }

  putSetting(setting: Setting) {
    const { key, value } = setting
    return this.client.setting.upsert({ where: { key }, create: setting, update: { value } })
  }

  async setStatus(id: bigint, status: string) {
    return (await this.client.order.updateMany({ where: { id }, data: { status } })).count
  }

  async changeStatus(tenantId: number, from: string, to: string) {
    const { count } = await this.client.order.updateMany({
      where: { tenantId, status: from },
      data: { status: to },
    })
    return count
  }

  async saveNote(id: bigint, note: string | null) {
    const order = await this.client.order.findUniqueOrThrow({ where: { id } })
    await this.client.order.update({ where: { id: order.id }, data: { note } })
  }

  async addToTotal(id: bigint, amount: string) {
    await this.client.order.update({ where: { id }, data: { total: { increment: amount } } })
  }

  async setPrice(sku: string, price: string) {
    return (await this.client.product.updateMany({ where: { sku }, data: { price } })).count
  }

  async deleteOrder(id: bigint) {
    return (await this.client.order.deleteMany({ where: { id } })).count
  }

  async deleteLines(orderId: bigint) {
    return (await this.client.orderLine.deleteMany({ where: { orderId } })).count
  }

  async changeStatusOfAll(status: string) {
    return (await this.client.order.updateMany({ data: { status } })).count
  }

  async moveOrder(id: bigint, tenantId: number) {
    return (await this.client.order.updateMany({ where: { id }, data: { tenantId } })).count
  }

  async lockOrder(id: bigint) {
    const locked = await this.client.$queryRaw<
      readonly { readonly id: bigint }[]
    >`select id from orders where id = ${id} for update`
    return locked.length === 0 ? undefined : this.orderById(id)
  }

  raw<Row extends object>(sql: string, values: readonly unknown[] = []) {
    return this.client.$queryRawUnsafe<Row[]>(sql, ...values)
  }

  nested<T>(body: (inner: Operations) => Promise<T>): Promise<T> {
    return this.client.$transaction((inner) => body(new PrismaOperations(inner, this.generated)))
  }

  async #orders(args: Prisma.OrderFindManyArgs) {
    return (await this.client.order.findMany(args)).map(toOrder)
  }

  #newest(where: Prisma.OrderWhereInput, { limit, offset = 0 }: Page) {
    return this.#orders({ where, orderBy: [{ placedAt: 'desc' }, { id: 'asc' }], take: limit, skip: offset })
  }

  #orderInput({ meta, ...order }: NewOrder): Prisma.OrderUncheckedCreateInput {
    const input = given(order)
    if (meta === undefined) return input
    return { ...input, meta: meta === null ? this.generated.Prisma.DbNull : meta }
  }
}

function found<Row>(row: Row | null): Row | undefined {
  return row ?? undefined
}

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without what is undefined: Prisma leaves that out as well, but its types do not want it. */
function given<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Given<T>
}
