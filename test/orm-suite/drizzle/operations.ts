import {
  and,
  asc,
  avg,
  count,
  desc,
  eq,
  gt,
  gte,
  inArray,
  lt,
  max,
  min,
  placeholder,
  sql,
  sum,
} from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Operations } from '../application.ts'
import type {
  Document,
  Feature,
  NewCustomer,
  NewDocument,
  NewLine,
  NewOrder,
  Order,
  OrderGraph,
  OrderWithLines,
  Page,
  Product,
  Reading,
  Setting,
  Tenant,
} from '../domain/model.ts'
import { tables } from './tables.ts'

const { customers, documents, features, orderLines, orders, products, readings, settings, tenants } = tables

/** A database or a transaction of it. */
export type Db = NodePgDatabase<Record<string, unknown>>

/** What is written differently in the two generations of relational queries. */
export interface Relational {
  orderGraph(id: bigint): Promise<OrderGraph | undefined>
  ordersWithLines(tenantId: number): Promise<readonly OrderWithLines[]>
}

/** What one Drizzle database, or one transaction of it, does. */
export class DrizzleOperations implements Operations {
  protected readonly db: Db
  protected readonly relationalOf: (db: Db) => Relational

  constructor(db: Db, relationalOf: (db: Db) => Relational) {
    this.db = db
    this.relationalOf = relationalOf
  }

  async tenantById(id: number) {
    return first(await this.db.select().from(tenants).where(eq(tenants.id, id)))
  }

  async orderById(id: bigint) {
    return first(await this.db.select().from(orders).where(eq(orders.id, id)))
  }

  async orderOfTenant(tenantId: number, id: bigint) {
    const rows = await this.db
      .select()
      .from(orders)
      .where(and(eq(orders.tenantId, tenantId), eq(orders.id, id)))
    return first(rows)
  }

  ordersByIds(ids: readonly bigint[]) {
    return this.db.select().from(orders).where(inArray(orders.id, ids)).orderBy(asc(orders.id))
  }

  ordersOfTenant(tenantId: number, page: Page) {
    return this.#newest(page, eq(orders.tenantId, tenantId))
  }

  newestOrders(page: Page) {
    return this.#newest(page, undefined)
  }

  ordersAfter(tenantId: number, id: bigint, limit: number) {
    return this.db
      .select()
      .from(orders)
      .where(and(eq(orders.tenantId, tenantId), gt(orders.id, id)))
      .orderBy(asc(orders.id))
      .limit(limit)
  }

  countOrders(tenantId?: number) {
    return this.db.$count(orders, ofTenant(tenantId))
  }

  async totalsByStatus(tenantId?: number) {
    const rows = await this.db
      .select({ status: orders.status, orders: count(), total: sum(orders.total) })
      .from(orders)
      .where(ofTenant(tenantId))
      .groupBy(orders.status)
      .orderBy(orders.status)
    return rows.map((row) => ({ ...row, total: row.total ?? '' }))
  }

  async summary(tenantId?: number) {
    const [row] = await this.db
      .select({
        orders: count(),
        sum: sum(orders.total),
        average: avg(orders.total),
        least: min(orders.total),
        most: max(orders.total),
      })
      .from(orders)
      .where(ofTenant(tenantId))
    if (row === undefined) throw new Error('an aggregate has one row')
    return { ...row, average: row.average === null ? null : Number(row.average).toFixed(2) }
  }

  async statuses() {
    const rows = await this.db.selectDistinct({ status: orders.status }).from(orders).orderBy(orders.status)
    return rows.map(({ status }) => status)
  }

  async customerById(id: bigint) {
    return first(await this.db.select().from(customers).where(eq(customers.id, id)))
  }

  orderGraph(id: bigint) {
    return this.relationalOf(this.db).orderGraph(id)
  }

  ordersWithLines(tenantId: number) {
    return this.relationalOf(this.db).ordersWithLines(tenantId)
  }

  linesOfOrder(orderId: bigint) {
    return this.db
      .select()
      .from(orderLines)
      .where(eq(orderLines.orderId, orderId))
      .orderBy(asc(orderLines.id))
  }

  async customerOfOrder(orderId: bigint) {
    const rows = await this.db
      .select({ customer: customers })
      .from(customers)
      .innerJoin(orders, eq(orders.customerId, customers.id))
      .where(eq(orders.id, orderId))
    return first(rows)?.customer
  }

  async ordersOfEmail(tenantId: number, email: string) {
    const rows = await this.db
      .select({ order: orders })
      .from(orders)
      .innerJoin(customers, eq(customers.id, orders.customerId))
      .where(and(eq(orders.tenantId, tenantId), eq(customers.email, email)))
      .orderBy(asc(orders.id))
    return rows.map(({ order }) => order)
  }

  async documentById(id: string) {
    return first(await this.db.select().from(documents).where(eq(documents.id, id)))
  }

  documentsOfTenant(tenantId: number) {
    return this.db.select().from(documents).where(eq(documents.tenantId, tenantId)).orderBy(asc(documents.id))
  }

  async productBySku(sku: string) {
    return first(await this.db.select().from(products).where(eq(products.sku, sku)))
  }

  async featureById(entityId: string) {
    return first(await this.db.select().from(features).where(eq(features.entityId, entityId)))
  }

  featuresByIds(entityIds: readonly string[]) {
    return this.db
      .select()
      .from(features)
      .where(inArray(features.entityId, entityIds))
      .orderBy(asc(features.entityId))
  }

  readingsBetween(from: Date, to: Date) {
    return this.db
      .select()
      .from(readings)
      .where(and(gte(readings.recordedAt, from), lt(readings.recordedAt, to)))
      .orderBy(asc(readings.recordedAt), asc(readings.sensorId))
  }

  async settingByKey(key: string) {
    return first(await this.db.select().from(settings).where(eq(settings.key, key)))
  }

  async createTenant(tenant: Tenant) {
    return only(await this.db.insert(tenants).values(tenant).returning())
  }

  async createCustomer(customer: NewCustomer) {
    return only(await this.db.insert(customers).values(customer).returning())
  }

  async createOrder(order: NewOrder): Promise<Order> {
    return only(await this.db.insert(orders).values(order).returning())
  }

  createOrderWithLines(order: NewOrder, lines: readonly NewLine[]): Promise<OrderWithLines> {
    return this.db.transaction(async (tx) => {
      const created = await new DrizzleOperations(tx, this.relationalOf).createOrder(order)
      if (lines.length === 0) return { ...created, lines: [] }
      const written = await tx
        .insert(orderLines)
        .values(lines.map((line) => ({ ...line, tenantId: order.tenantId, orderId: created.id })))
        .returning()
      return { ...created, lines: written }
    })
  }

  async createDocument(document: NewDocument): Promise<Document> {
    return only(await this.db.insert(documents).values(document).returning())
  }

  async createProduct(product: Product) {
    return only(await this.db.insert(products).values(product).returning())
  }

  async createOrders(created: readonly NewOrder[]) {
    return changed(await this.db.insert(orders).values([...created]))
  }

  async createFeatures(created: readonly Feature[]) {
    return changed(await this.db.insert(features).values([...created]))
  }

  async createReadings(created: readonly Reading[]) {
    return changed(await this.db.insert(readings).values([...created]))
  }

  async putFeature(feature: Feature) {
    const rows = await this.db
      .insert(features)
      .values(feature)
      .onConflictDoUpdate({ target: features.entityId, set: { value: feature.value } })
      .returning()
    return only(rows)
  }

  async putCustomer(customer: NewCustomer) {
    const rows = await this.db
      .insert(customers)
      .values(customer)
      .onConflictDoUpdate({ target: customers.id, set: { displayName: customer.displayName } })
      .returning()
    return only(rows)
  }

  async putSetting(setting: Setting) {
    const rows = await this.db
      .insert(settings)
      .values(setting)
      .onConflictDoUpdate({ target: settings.key, set: { value: setting.value } })
      .returning()
    return only(rows)
  }

  async setStatus(id: bigint, status: string) {
    return changed(await this.db.update(orders).set({ status }).where(eq(orders.id, id)))
  }

  async changeStatus(tenantId: number, from: string, to: string) {
    return changed(
      await this.db
        .update(orders)
        .set({ status: to })
        .where(and(eq(orders.tenantId, tenantId), eq(orders.status, from))),
    )
  }

  async saveNote(id: bigint, note: string | null) {
    const found = only(await this.db.select().from(orders).where(eq(orders.id, id)))
    await this.db.update(orders).set({ note }).where(eq(orders.id, found.id))
  }

  async addToTotal(id: bigint, amount: string) {
    await this.db
      .update(orders)
      .set({ total: sql`${orders.total} + ${amount}` })
      .where(eq(orders.id, id))
  }

  async setPrice(sku: string, price: string) {
    return changed(await this.db.update(products).set({ price }).where(eq(products.sku, sku)))
  }

  async deleteOrder(id: bigint) {
    return changed(await this.db.delete(orders).where(eq(orders.id, id)))
  }

  async deleteLines(orderId: bigint) {
    return changed(await this.db.delete(orderLines).where(eq(orderLines.orderId, orderId)))
  }

  async changeStatusOfAll(to: string) {
    return changed(await this.db.update(orders).set({ status: to }))
  }

  async moveOrder(id: bigint, tenantId: number) {
    return changed(await this.db.update(orders).set({ tenantId }).where(eq(orders.id, id)))
  }

  async lockOrder(id: bigint) {
    return first(await this.db.select().from(orders).where(eq(orders.id, id)).for('update'))
  }

  /** Drizzle numbers the placeholders itself: `$1` becomes a value of the template. */
  async raw<Row extends object>(text: string, values: readonly unknown[] = []) {
    const chunks = text
      .split(/\$(\d+)/)
      .map((part, index) => (index % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1]}`))
    const { rows } = await this.db.execute(sql.join(chunks))
    return rows as unknown as Row[]
  }

  nested<T>(body: (inner: Operations) => Promise<T>): Promise<T> {
    return this.db.transaction((tx) => body(new DrizzleOperations(tx, this.relationalOf)))
  }

  protected prepared() {
    return this.db
      .select()
      .from(orders)
      .where(eq(orders.id, placeholder('id') as never))
      .prepare('order_by_id')
  }

  #newest({ limit, offset = 0 }: Page, where: SQL | undefined) {
    const query = this.db
      .select()
      .from(orders)
      .where(where)
      .orderBy(desc(orders.placedAt), asc(orders.id))
      .limit(limit)
    return offset === 0 ? query : query.offset(offset)
  }
}

function ofTenant(tenantId: number | undefined): SQL | undefined {
  return tenantId === undefined ? undefined : eq(orders.tenantId, tenantId)
}

function first<Row>(rows: readonly Row[]): Row | undefined {
  return rows[0]
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('a row was expected')
  return row
}

function changed({ rowCount }: { readonly rowCount: number | null }): number {
  return rowCount ?? 0
}
