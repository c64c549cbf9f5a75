import { sql, type ControlledTransaction, type InsertResult, type Kysely, type UpdateResult } from 'kysely'
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'
import type { Operations } from '../application.ts'
import type {
  Document,
  Feature,
  NewCustomer,
  NewDocument,
  NewLine,
  NewOrder,
  Order,
  OrderWithLines,
  Page,
  Product,
  Reading,
  Setting,
  Tenant,
} from '../domain/model.ts'
import type { Database } from './database.ts'
import { toCustomer, toFeature, toLine, toOrder, toTenant } from './rows.ts'

type Db = Kysely<Database>

/** What one Kysely instance, or one transaction of it, does. */
export class KyselyOperations implements Operations {
  protected readonly db: Db

  constructor(db: Db) {
    this.db = db
  }

  async tenantById(id: number) {
    const row = await this.db.selectFrom('tenants').selectAll().where('id', '=', id).executeTakeFirst()
    return row && toTenant(row)
  }

  async orderById(id: bigint) {
    const row = await this.#order(id).executeTakeFirst()
    return row && toOrder(row)
  }

  async orderOfTenant(tenantId: number, id: bigint) {
    const row = await this.#order(id).where('tenant_id', '=', tenantId).executeTakeFirst()
    return row && toOrder(row)
  }

  async ordersByIds(ids: readonly bigint[]) {
    // Kysely writes `in ()`, which PostgreSQL does not know: its users ask first.
    if (ids.length === 0) return []
    const wanted = ids.map(String)
    const rows = await this.db
      .selectFrom('orders')
      .selectAll()
      .where('id', 'in', wanted)
      .orderBy('id')
      .execute()
    return rows.map(toOrder)
  }

  async ordersOfTenant(tenantId: number, page: Page) {
    const rows = await this.#newest(page).where('tenant_id', '=', tenantId).execute()
    return rows.map(toOrder)
  }

  async newestOrders(page: Page) {
    return (await this.#newest(page).execute()).map(toOrder)
  }

  async ordersAfter(tenantId: number, id: bigint, limit: number) {
    const rows = await this.db
      .selectFrom('orders')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('id', '>', String(id))
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(toOrder)
  }

  async countOrders(tenantId?: number) {
    const { orders } = await this.#ordersOf(tenantId)
      .select((e) => e.fn.countAll<string>().as('orders'))
      .executeTakeFirstOrThrow()
    return Number(orders)
  }

  async totalsByStatus(tenantId?: number) {
    const rows = await this.#ordersOf(tenantId)
      .select((e) => ['status', e.fn.countAll<string>().as('orders'), e.fn.sum<string>('total').as('total')])
      .groupBy('status')
      .orderBy('status')
      .execute()
    return rows.map(({ status, orders, total }) => ({ status, orders: Number(orders), total }))
  }

  async summary(tenantId?: number) {
    const row = await this.#ordersOf(tenantId)
      .select((e) => [
        e.fn.countAll<string>().as('orders'),
        e.fn.sum<string | null>('total').as('sum'),
        e.fn.avg<string | null>('total').as('average'),
        e.fn.min('total').as('least'),
        e.fn.max('total').as('most'),
      ])
      .executeTakeFirstOrThrow()
    const average = row.average === null ? null : Number(row.average).toFixed(2)
    return { ...row, orders: Number(row.orders), average }
  }

  async statuses() {
    const rows = await this.db.selectFrom('orders').select('status').distinct().orderBy('status').execute()
    return rows.map(({ status }) => status)
  }

  async customerById(id: bigint) {
    const row = await this.db
      .selectFrom('customers')
      .selectAll()
      .where('id', '=', String(id))
      .executeTakeFirst()
    return row && toCustomer(row)
  }

  async orderGraph(id: bigint) {
    const row = await this.db
      .selectFrom('orders')
      .selectAll()
      .select((e) => [
        // As text: JSON.parse would round the ids.
        jsonArrayFrom(
          e
            .selectFrom('order_lines')
            .select((line) => [
              line.cast<string>('order_lines.id', 'text').as('id'),
              line.cast<string>('order_lines.order_id', 'text').as('order_id'),
              'order_lines.tenant_id',
              'order_lines.sku',
              'order_lines.quantity',
            ])
            .whereRef('order_lines.order_id', '=', 'orders.id')
            .orderBy('order_lines.id'),
        ).as('lines'),
        jsonObjectFrom(
          e
            .selectFrom('customers')
            .select((customer) => [
              customer.cast<string>('customers.id', 'text').as('id'),
              'customers.tenant_id',
              'customers.email',
              'customers.displayName',
            ])
            .whereRef('customers.id', '=', 'orders.customer_id'),
        )
          .$notNull()
          .as('customer'),
      ])
      .where('id', '=', String(id))
      .executeTakeFirst()
    return row && { ...toOrder(row), lines: row.lines.map(toLine), customer: toCustomer(row.customer) }
  }

  async ordersWithLines(tenantId: number): Promise<readonly OrderWithLines[]> {
    const rows = await this.db
      .selectFrom('orders')
      .leftJoin('order_lines', 'order_lines.order_id', 'orders.id')
      .selectAll('orders')
      .select((e) => [
        e.ref('order_lines.id').as('line_id'),
        e.ref('order_lines.sku').as('sku'),
        e.ref('order_lines.quantity').as('quantity'),
      ])
      .where('orders.tenant_id', '=', tenantId)
      .orderBy('orders.id')
      .orderBy('order_lines.id')
      .execute()
    return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((ofOne) => {
      const [first] = ofOne
      if (first === undefined) return []
      const order = toOrder(first)
      const lines = ofOne.flatMap(({ line_id, sku, quantity }) =>
        line_id === null || sku === null || quantity === null
          ? []
          : [{ id: BigInt(line_id), tenantId, orderId: order.id, sku, quantity }],
      )
      return [{ ...order, lines }]
    })
  }

  async linesOfOrder(orderId: bigint) {
    const rows = await this.db
      .selectFrom('order_lines')
      .selectAll()
      .where('order_id', '=', String(orderId))
      .orderBy('id')
      .execute()
    return rows.map(toLine)
  }

  async customerOfOrder(orderId: bigint) {
    const row = await this.db
      .selectFrom('customers')
      .innerJoin('orders', 'orders.customer_id', 'customers.id')
      .selectAll('customers')
      .where('orders.id', '=', String(orderId))
      .executeTakeFirst()
    return row && toCustomer(row)
  }

  async ordersOfEmail(tenantId: number, email: string) {
    const rows = await this.db
      .selectFrom('orders')
      .innerJoin('customers', 'customers.id', 'orders.customer_id')
      .selectAll('orders')
      .where('orders.tenant_id', '=', tenantId)
      .where('customers.email', '=', email)
      .orderBy('orders.id')
      .execute()
    return rows.map(toOrder)
  }

  async documentById(id: string) {
    const row = await this.db.selectFrom('documents').selectAll().where('id', '=', id).executeTakeFirst()
    return row && toDocument(row)
  }

  async documentsOfTenant(tenantId: number) {
    const documents = this.db.selectFrom('documents').selectAll()
    return (await documents.where('tenant_id', '=', tenantId).orderBy('id').execute()).map(toDocument)
  }

  productBySku(sku: string) {
    return this.db.selectFrom('products').selectAll().where('sku', '=', sku).executeTakeFirst()
  }

  async featureById(entityId: string) {
    const features = this.db.selectFrom('features').selectAll()
    const row = await features.where('entity_id', '=', entityId).executeTakeFirst()
    return row && toFeature(row)
  }

  async featuresByIds(entityIds: readonly string[]) {
    const features = this.db.selectFrom('features').selectAll()
    const rows = await features.where('entity_id', 'in', entityIds).orderBy('entity_id').execute()
    return rows.map(toFeature)
  }

  async readingsBetween(from: Date, to: Date) {
    const rows = await this.db
      .selectFrom('readings')
      .selectAll()
      .where('recorded_at', '>=', from)
      .where('recorded_at', '<', to)
      .orderBy('recorded_at')
      .orderBy('sensor_id')
      .execute()
    return rows.map((row) => ({ recordedAt: row.recorded_at, sensorId: row.sensor_id, value: row.value }))
  }

  settingByKey(key: string) {
    return this.db.selectFrom('settings').selectAll().where('key', '=', key).executeTakeFirst()
  }

  async createTenant({ id, name, region }: Tenant) {
    const values = { id, name, region_code: region }
    return toTenant(
      await this.db.insertInto('tenants').values(values).returningAll().executeTakeFirstOrThrow(),
    )
  }

  async createCustomer(customer: NewCustomer) {
    return toCustomer(
      await this.db
        .insertInto('customers')
        .values(customerValues(customer))
        .returningAll()
        .executeTakeFirstOrThrow(),
    )
  }

  async createOrder(order: NewOrder): Promise<Order> {
    return toOrder(
      await this.db.insertInto('orders').values(orderValues(order)).returningAll().executeTakeFirstOrThrow(),
    )
  }

  createOrderWithLines(order: NewOrder, lines: readonly NewLine[]): Promise<OrderWithLines> {
    const write = async (operations: KyselyOperations) => {
      const created = await operations.createOrder(order)
      if (lines.length === 0) return { ...created, lines: [] }
      const rows = await operations.db
        .insertInto('order_lines')
        .values(lines.map((line) => ({ ...line, tenant_id: order.tenantId, order_id: created.id })))
        .returningAll()
        .execute()
      return { ...created, lines: rows.map(toLine) }
    }
    if (this.db.isTransaction) return write(this)
    return this.db.transaction().execute((trx) => write(new KyselyOperations(trx)))
  }

  async createDocument({ id, tenantId, title }: NewDocument) {
    const values = id === undefined ? { tenant_id: tenantId, title } : { id, tenant_id: tenantId, title }
    return toDocument(
      await this.db.insertInto('documents').values(values).returningAll().executeTakeFirstOrThrow(),
    )
  }

  createProduct(product: Product) {
    return this.db.insertInto('products').values(product).returningAll().executeTakeFirstOrThrow()
  }

  async createOrders(orders: readonly NewOrder[]) {
    return count(await this.db.insertInto('orders').values(orders.map(orderValues)).executeTakeFirst())
  }

  async createFeatures(features: readonly Feature[]) {
    return count(await this.db.insertInto('features').values(features.map(featureValues)).executeTakeFirst())
  }

  async createReadings(readings: readonly Reading[]) {
    const values = readings.map((one) => ({
      recorded_at: one.recordedAt,
      sensor_id: one.sensorId,
      value: one.value,
    }))
    return count(await this.db.insertInto('readings').values(values).executeTakeFirst())
  }

  async putFeature(feature: Feature) {
    const row = await this.db
      .insertInto('features')
      .values(featureValues(feature))
      .onConflict((conflict) => conflict.column('entity_id').doUpdateSet({ value: feature.value }))
      .returningAll()
      .executeTakeFirstOrThrow()
    return toFeature(row)
  }

  async putCustomer(customer: NewCustomer) {
    const row = await this.db
      .insertInto('customers')
      .values(customerValues(customer))
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ displayName: customer.displayName }))
      .returningAll()
      .executeTakeFirstOrThrow()
    return toCustomer(row)
  }

  putSetting(setting: Setting) {
    return this.db
      .insertInto('settings')
      .values(setting)
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: setting.value }))
      .returningAll()
      .executeTakeFirstOrThrow()
  }

  async setStatus(id: bigint, status: string) {
    return count(
      await this.db.updateTable('orders').set({ status }).where('id', '=', String(id)).executeTakeFirst(),
    )
  }

  async changeStatus(tenantId: number, from: string, to: string) {
    const query = this.db.updateTable('orders').set({ status: to })
    return count(await query.where('tenant_id', '=', tenantId).where('status', '=', from).executeTakeFirst())
  }

  async saveNote(id: bigint, note: string | null) {
    const { id: found } = await this.#order(id).executeTakeFirstOrThrow()
    await this.db.updateTable('orders').set({ note }).where('id', '=', found).execute()
  }

  async addToTotal(id: bigint, amount: string) {
    await this.db
      .updateTable('orders')
      .set((e) => ({ total: e('total', '+', amount) }))
      .where('id', '=', String(id))
      .execute()
  }

  async setPrice(sku: string, price: string) {
    return count(
      await this.db.updateTable('products').set({ price }).where('sku', '=', sku).executeTakeFirst(),
    )
  }

  async deleteOrder(id: bigint) {
    const { numDeletedRows } = await this.db
      .deleteFrom('orders')
      .where('id', '=', String(id))
      .executeTakeFirst()
    return Number(numDeletedRows)
  }

  async deleteLines(orderId: bigint) {
    const { numDeletedRows } = await this.db
      .deleteFrom('order_lines')
      .where('order_id', '=', String(orderId))
      .executeTakeFirst()
    return Number(numDeletedRows)
  }

  async changeStatusOfAll(to: string) {
    return count(await this.db.updateTable('orders').set({ status: to }).executeTakeFirst())
  }

  async moveOrder(id: bigint, tenantId: number) {
    const query = this.db.updateTable('orders').set({ tenant_id: tenantId })
    return count(await query.where('id', '=', String(id)).executeTakeFirst())
  }

  async lockOrder(id: bigint) {
    const row = await this.#order(id).forUpdate().executeTakeFirst()
    return row && toOrder(row)
  }

  async raw<Row extends object>(text: string, values: readonly unknown[] = []) {
    const { rows } = await this.db.executeQuery<Row>({
      ...sql`select`.compile(this.db),
      sql: text,
      parameters: values,
    })
    return rows
  }

  /** Kysely has savepoints on transactions that the caller ends; see KyselyApplication.transaction. */
  async nested<T>(body: (inner: Operations) => Promise<T>): Promise<T> {
    const outer = this.db as unknown as ControlledTransaction<Database>
    const savepoint = await outer.savepoint('inner').execute()
    try {
      const result = await body(new KyselyOperations(savepoint))
      await savepoint.releaseSavepoint('inner').execute()
      return result
    } catch (error) {
      await savepoint.rollbackToSavepoint('inner').execute()
      throw error
    }
  }

  #order(id: bigint) {
    return this.db.selectFrom('orders').selectAll().where('id', '=', String(id))
  }

  #newest({ limit, offset }: Page) {
    const query = this.db
      .selectFrom('orders')
      .selectAll()
      .orderBy('placed_at', 'desc')
      .orderBy('id')
      .limit(limit)
    return offset === undefined ? query : query.offset(offset)
  }

  #ordersOf(tenantId: number | undefined) {
    const orders = this.db.selectFrom('orders')
    return tenantId === undefined ? orders : orders.where('tenant_id', '=', tenantId)
  }
}

function toDocument(row: {
  readonly id: string
  readonly tenant_id: number
  readonly title: string
}): Document {
  return { id: row.id, tenantId: row.tenant_id, title: row.title }
}

function customerValues({ id, tenantId, email, displayName }: NewCustomer) {
  const values = { tenant_id: tenantId, email, displayName }
  return id === undefined ? values : { id, ...values }
}

function orderValues({ tenantId, customerId, placedAt, meta, ...rest }: NewOrder) {
  return {
    ...rest,
    tenant_id: tenantId,
    customer_id: customerId,
    placed_at: placedAt,
    meta: meta === undefined || meta === null ? null : JSON.stringify(meta),
  }
}

function featureValues({ entityId, value, version }: Feature) {
  return { entity_id: entityId, value, version }
}

function count(result: InsertResult | UpdateResult | undefined) {
  if (result === undefined) return 0
  return Number('numUpdatedRows' in result ? result.numUpdatedRows : (result.numInsertedOrUpdatedRows ?? 0n))
}
