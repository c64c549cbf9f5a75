import { Between, In, MoreThan, type DeepPartial, type EntityManager } from 'typeorm'
import type { Operations } from '../application.ts'
import type {
  Customer,
  Document,
  Feature,
  NewCustomer,
  NewDocument,
  NewLine,
  NewOrder,
  OrderWithLines,
  Page,
  Product,
  Reading,
  Setting,
  Tenant,
} from '../domain/model.ts'
import {
  CustomerRow,
  DocumentRow,
  FeatureRow,
  LineRow,
  OrderRow,
  ProductRow,
  ReadingRow,
  SettingRow,
  TenantRow,
} from './entities.ts'
import { toCustomer, toLine, toOrder, toOrderWithLines } from './rows.ts'

/** What one entity manager, that of a transaction or of the data source, does. */
export class TypeormOperations implements Operations {
  protected readonly manager: EntityManager

  constructor(manager: EntityManager) {
    this.manager = manager
  }

  tenantById(id: number) {
    return found(this.manager.findOneBy(TenantRow, { id }))
  }

  async orderById(id: bigint) {
    const row = await this.manager.findOneBy(OrderRow, { id: String(id) })
    return row === null ? undefined : toOrder(row)
  }

  async orderOfTenant(tenantId: number, id: bigint) {
    const row = await this.manager.findOneBy(OrderRow, { tenantId, id: String(id) })
    return row === null ? undefined : toOrder(row)
  }

  async ordersByIds(ids: readonly bigint[]) {
    const rows = await this.manager.find(OrderRow, {
      where: { id: In(ids.map(String)) },
      order: { id: 'ASC' },
    })
    return rows.map(toOrder)
  }

  async ordersOfTenant(tenantId: number, { limit, offset }: Page) {
    const rows = await this.manager.find(OrderRow, {
      where: { tenantId },
      order: { placedAt: 'DESC', id: 'ASC' },
      take: limit,
      ...(offset === undefined ? {} : { skip: offset }),
    })
    return rows.map(toOrder)
  }

  async newestOrders({ limit, offset }: Page) {
    const rows = await this.manager.find(OrderRow, {
      order: { placedAt: 'DESC', id: 'ASC' },
      take: limit,
      ...(offset === undefined ? {} : { skip: offset }),
    })
    return rows.map(toOrder)
  }

  async ordersAfter(tenantId: number, id: bigint, limit: number) {
    const rows = await this.manager.find(OrderRow, {
      where: { tenantId, id: MoreThan(String(id)) },
      order: { id: 'ASC' },
      take: limit,
    })
    return rows.map(toOrder)
  }

  countOrders(tenantId?: number) {
    return tenantId === undefined
      ? this.manager.count(OrderRow)
      : this.manager.countBy(OrderRow, { tenantId })
  }

  async totalsByStatus(tenantId?: number) {
    const rows = await this.#ordersOf(tenantId)
      .select('o.status', 'status')
      .addSelect('count(*)', 'orders')
      .addSelect('sum(o.total)', 'total')
      .groupBy('o.status')
      .orderBy('o.status')
      .getRawMany<{ status: string; orders: string; total: string }>()
    return rows.map(({ status, orders, total }) => ({ status, orders: Number(orders), total }))
  }

  async summary(tenantId?: number) {
    const row = await this.#ordersOf(tenantId)
      .select('count(*)', 'orders')
      .addSelect('sum(o.total)', 'sum')
      .addSelect('avg(o.total)', 'average')
      .addSelect('min(o.total)', 'least')
      .addSelect('max(o.total)', 'most')
      .getRawOne<{
        orders: string
        sum: string | null
        average: string | null
        least: string | null
        most: string | null
      }>()
    if (row === undefined) throw new Error('an aggregate has one row')
    const average = row.average === null ? null : Number(row.average).toFixed(2)
    return { ...row, orders: Number(row.orders), average }
  }

  async statuses() {
    const rows = await this.#ordersOf(undefined)
      .select('o.status', 'status')
      .distinct(true)
      .orderBy('status')
      .getRawMany<{ status: string }>()
    return rows.map(({ status }) => status)
  }

  async customerById(id: bigint) {
    const row = await this.manager.findOneBy(CustomerRow, { id: String(id) })
    return row === null ? undefined : toCustomer(row)
  }

  async orderGraph(id: bigint) {
    const row = await this.manager.findOne(OrderRow, {
      where: { id: String(id) },
      relations: { lines: true, customer: true },
      order: { lines: { id: 'ASC' } },
    })
    return row === null ? undefined : { ...toOrderWithLines(row), customer: toCustomer(row.customer) }
  }

  async ordersWithLines(tenantId: number) {
    const rows = await this.manager.find(OrderRow, {
      where: { tenantId },
      relations: { lines: true },
      order: { id: 'ASC', lines: { id: 'ASC' } },
    })
    return rows.map(toOrderWithLines)
  }

  async linesOfOrder(orderId: bigint) {
    const rows = await this.manager.find(LineRow, {
      where: { orderId: String(orderId) },
      order: { id: 'ASC' },
    })
    return rows.map(toLine)
  }

  async customerOfOrder(orderId: bigint) {
    const order = await this.manager.findOneBy(OrderRow, { id: String(orderId) })
    if (order === null) return undefined
    const customer = await this.manager
      .createQueryBuilder()
      .relation(OrderRow, 'customer')
      .of(order)
      .loadOne<CustomerRow>()
    return customer && toCustomer(customer)
  }

  async ordersOfEmail(tenantId: number, email: string) {
    const rows = await this.manager.find(OrderRow, {
      where: { tenantId, customer: { email } },
      order: { id: 'ASC' },
    })
    return rows.map(toOrder)
  }

  documentById(id: string) {
    return found(this.manager.findOneBy(DocumentRow, { id }))
  }

  documentsOfTenant(tenantId: number) {
    return this.manager.find(DocumentRow, { where: { tenantId }, order: { id: 'ASC' } })
  }

  productBySku(sku: string) {
    return found(this.manager.findOneBy(ProductRow, { sku }))
  }

  featureById(entityId: string) {
    return found(this.manager.findOneBy(FeatureRow, { entityId }))
  }

  featuresByIds(entityIds: readonly string[]) {
    return this.manager.find(FeatureRow, {
      where: { entityId: In([...entityIds]) },
      order: { entityId: 'ASC' },
    })
  }

  readingsBetween(from: Date, to: Date) {
    return this.manager.find(ReadingRow, {
      where: { recordedAt: Between(from, new Date(to.getTime() - 1)) },
      order: { recordedAt: 'ASC', sensorId: 'ASC' },
    })
  }

  settingByKey(key: string) {
    return found(this.manager.findOneBy(SettingRow, { key }))
  }

  async createTenant(tenant: Tenant) {
    await this.manager.insert(TenantRow, tenant)
    return tenant
  }

  async createCustomer(customer: NewCustomer) {
    return toCustomer(await this.#insert(CustomerRow, customerValues(customer)))
  }

  async createOrder(order: NewOrder) {
    return toOrder(await this.#insert(OrderRow, orderValues(order)))
  }

  createOrderWithLines(order: NewOrder, lines: readonly NewLine[]): Promise<OrderWithLines> {
    const { tenantId } = order
    const lineRows = lines.map(({ id, sku, quantity }) => ({
      ...given({ id: id?.toString() }),
      tenantId,
      sku,
      quantity,
    }))
    const isNew = order.id === undefined && lines.every(({ id }) => id === undefined)
    if (isNew) {
      const row = this.manager.create(OrderRow, { ...orderValues(order), lines: lineRows })
      return this.manager.save(row).then(toOrderWithLines)
    }
    // `save` would look for rows with these ids first, and update those that are there.
    return this.manager.transaction(async (manager) => {
      const inner = new TypeormOperations(manager)
      const created = await inner.createOrder(order)
      const orderId = String(created.id)
      const rows: LineRow[] = []
      for (const line of lineRows) rows.push(await inner.#insert(LineRow, { ...line, orderId }))
      return { ...created, lines: rows.map(toLine) }
    })
  }

  async createDocument({ id, tenantId, title }: NewDocument): Promise<Document> {
    const row = await this.#insert(DocumentRow, { ...given({ id }), tenantId, title })
    return { id: row.id, tenantId, title }
  }

  async createProduct(product: Product) {
    await this.manager.insert(ProductRow, product)
    return product
  }

  async createOrders(orders: readonly NewOrder[]) {
    return (await this.manager.insert(OrderRow, orders.map(orderValues))).identifiers.length
  }

  async createFeatures(features: readonly Feature[]) {
    return (await this.manager.insert(FeatureRow, [...features])).identifiers.length
  }

  async createReadings(readings: readonly Reading[]) {
    return (await this.manager.insert(ReadingRow, [...readings])).identifiers.length
  }

  async putFeature(feature: Feature): Promise<Feature> {
    const { raw } = await this.manager
      .createQueryBuilder()
      .insert()
      .into(FeatureRow)
      .values(feature)
      .orUpdate(['value'], ['entity_id'])
      .returning('*')
      .execute()
    const [row] = raw as { entity_id: string; value: number; version: number }[]
    if (row === undefined) throw new Error('an upsert returns its row')
    return { entityId: row.entity_id, value: row.value, version: row.version }
  }

  async putCustomer(customer: Customer) {
    const { raw } = await this.manager
      .createQueryBuilder()
      .insert()
      .into(CustomerRow)
      .values(customerValues(customer))
      .orUpdate(['displayName'], ['id'])
      .returning('*')
      .execute()
    const [row] = raw as { id: string; tenant_id: number; email: string; displayName: string }[]
    if (row === undefined) throw new Error('an upsert returns its row')
    return { id: BigInt(row.id), tenantId: row.tenant_id, email: row.email, displayName: row.displayName }
  }

  async putSetting(setting: Setting) {
    await this.manager.upsert(SettingRow, setting, ['key'])
    return setting
  }

  async setStatus(id: bigint, status: string) {
    return affected(await this.manager.update(OrderRow, { id: String(id) }, { status }))
  }

  async changeStatus(tenantId: number, from: string, to: string) {
    return affected(await this.manager.update(OrderRow, { tenantId, status: from }, { status: to }))
  }

  async saveNote(id: bigint, note: string | null) {
    const order = await this.manager.findOneByOrFail(OrderRow, { id: String(id) })
    order.note = note
    await this.manager.save(order)
  }

  async addToTotal(id: bigint, amount: string) {
    await this.manager.increment(OrderRow, { id: String(id) }, 'total', amount)
  }

  async setPrice(sku: string, price: string) {
    return affected(await this.manager.update(ProductRow, { sku }, { price }))
  }

  async deleteOrder(id: bigint) {
    return affected(await this.manager.delete(OrderRow, { id: String(id) }))
  }

  async deleteLines(orderId: bigint) {
    return affected(await this.manager.delete(LineRow, { orderId: String(orderId) }))
  }

  async changeStatusOfAll(to: string) {
    return affected(await this.manager.createQueryBuilder().update(OrderRow).set({ status: to }).execute())
  }

  async moveOrder(id: bigint, tenantId: number) {
    return affected(await this.manager.update(OrderRow, { id: String(id) }, { tenantId }))
  }

  async lockOrder(id: bigint) {
    const row = await this.manager.findOne(OrderRow, {
      where: { id: String(id) },
      lock: { mode: 'pessimistic_write' },
    })
    return row === null ? undefined : toOrder(row)
  }

  async raw<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const result: unknown = await this.manager.query(sql, [...values])
    // For UPDATE and DELETE TypeORM returns the rows and their count.
    const rows =
      Array.isArray(result) && Array.isArray(result[0]) && typeof result[1] === 'number' ? result[0] : result
    return rows as Row[]
  }

  nested<T>(body: (inner: Operations) => Promise<T>): Promise<T> {
    return this.manager.transaction((inner) => body(new TypeormOperations(inner)))
  }

  async #insert<Row extends object>(entity: new () => Row, values: object): Promise<Row> {
    const row: Row = this.manager.create(entity, values as DeepPartial<Row>)
    await this.manager.insert(entity, row)
    return row
  }

  #ordersOf(tenantId: number | undefined) {
    const query = this.manager.createQueryBuilder(OrderRow, 'o')
    return tenantId === undefined ? query : query.where('o.tenantId = :tenantId', { tenantId })
  }
}

/** TypeORM has null where there is no row, and entities where the suite compares plain rows. */
async function found<Row extends object>(row: Promise<Row | null>): Promise<Row | undefined> {
  const one = await row
  return one === null ? undefined : { ...one }
}

function given<Values extends object>(
  values: Values,
): { [Name in keyof Values]?: NonNullable<Values[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Values]?: NonNullable<Values[Name]>
  }
}

function customerValues({ id, tenantId, email, displayName }: NewCustomer) {
  return { ...given({ id: id?.toString() }), tenantId, email, displayName }
}

function orderValues({ id, tenantId, customerId, status, total, note, placedAt, meta }: NewOrder) {
  return {
    ...given({ id: id?.toString(), status, total, placedAt }),
    tenantId,
    customerId: String(customerId),
    note: note ?? null,
    meta: meta ?? null,
  } as Pick<OrderRow, 'tenantId' | 'customerId' | 'note'> & { meta: never }
}

function affected({ affected: rows }: { affected?: number | null | undefined }): number {
  return rows ?? 0
}
