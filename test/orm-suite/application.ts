import type { RouteContext, Router, ShardlineError } from '@shardline/core'
import type {
  Customer,
  Document,
  Feature,
  NewCustomer,
  NewDocument,
  NewLine,
  NewOrder,
  Order,
  OrderGraph,
  OrderLine,
  OrderWithLines,
  Page,
  Product,
  Reading,
  Setting,
  StatusTotal,
  Summary,
  Tenant,
} from './domain/model.ts'

/**
 * What an application of this domain does, inside a transaction or outside. Each ORM implements it once, as its users would: no
 * tenant where the signature has none, relations in the ORM's own way, no raw SQL but in `raw`.
 */
export interface Operations {
  tenantById(id: number): Promise<Tenant | undefined>
  /** By primary key alone, as `customerById` and `documentById`. */
  orderById(id: bigint): Promise<Order | undefined>
  orderOfTenant(tenantId: number, id: bigint): Promise<Order | undefined>
  /** In the order of the ids. */
  ordersByIds(ids: readonly bigint[]): Promise<readonly Order[]>
  /** Newest first, then by id. */
  ordersOfTenant(tenantId: number, page: Page): Promise<readonly Order[]>
  /** Of all tenants: newest first, then by id. */
  newestOrders(page: Page): Promise<readonly Order[]>
  /** The orders of a tenant after this one by id: cursor pagination. */
  ordersAfter(tenantId: number, id: bigint, limit: number): Promise<readonly Order[]>
  /** Of all tenants when none is given, as in the two below. */
  countOrders(tenantId?: number): Promise<number>
  /** Grouped and ordered by status. */
  totalsByStatus(tenantId?: number): Promise<readonly StatusTotal[]>
  summary(tenantId?: number): Promise<Summary>
  /** DISTINCT, ordered. */
  statuses(): Promise<readonly string[]>
  customerById(id: bigint): Promise<Customer | undefined>
  /** One order by its id alone, with its lines and its customer: include, with, relations, jsonArrayFrom … */
  orderGraph(id: bigint): Promise<OrderGraph | undefined>
  /** All orders of a tenant with their lines, by id. */
  ordersWithLines(tenantId: number): Promise<readonly OrderWithLines[]>
  /** By foreign key alone, as lazy relations ask; by id. */
  linesOfOrder(orderId: bigint): Promise<readonly OrderLine[]>
  /** Loads an order and then its customer, the lazy or fluent way where there is one. */
  customerOfOrder(orderId: bigint): Promise<Customer | undefined>
  /** Filters orders of a tenant by a column of their customer; by id. */
  ordersOfEmail(tenantId: number, email: string): Promise<readonly Order[]>
  documentById(id: string): Promise<Document | undefined>
  documentsOfTenant(tenantId: number): Promise<readonly Document[]>
  productBySku(sku: string): Promise<Product | undefined>
  featureById(entityId: string): Promise<Feature | undefined>
  /** By entity id. */
  featuresByIds(entityIds: readonly string[]): Promise<readonly Feature[]>
  /** `from` included, `to` not; by time, then sensor. */
  readingsBetween(from: Date, to: Date): Promise<readonly Reading[]>
  settingByKey(key: string): Promise<Setting | undefined>

  createTenant(tenant: Tenant): Promise<Tenant>
  /** Returns the row as the database has it: its defaults come by RETURNING. */
  createCustomer(customer: NewCustomer): Promise<Customer>
  createOrder(order: NewOrder): Promise<Order>
  /** Order and lines in one go: nested write, cascade, or the transaction that the ORM's users would write. */
  createOrderWithLines(order: NewOrder, lines: readonly NewLine[]): Promise<OrderWithLines>
  createDocument(document: NewDocument): Promise<Document>
  createProduct(product: Product): Promise<Product>
  /** One INSERT with many rows. Returns how many were written. */
  createOrders(orders: readonly NewOrder[]): Promise<number>
  createFeatures(features: readonly Feature[]): Promise<number>
  createReadings(readings: readonly Reading[]): Promise<number>
  /** Inserts, or sets the value of the one that exists. */
  putFeature(feature: Feature): Promise<Feature>
  /** Inserts, or sets the name of the customer with this id. */
  putCustomer(customer: Customer): Promise<Customer>
  putSetting(setting: Setting): Promise<Setting>
  /** By primary key alone, in one UPDATE; how many rows it changed (Prisma: of a query that may match none). */
  setStatus(id: bigint, status: string): Promise<number>
  /** All orders of the tenant that have the one status. */
  changeStatus(tenantId: number, from: string, to: string): Promise<number>
  /** Loads the order by id, changes its note, and saves it in the ORM's own way. */
  saveNote(id: bigint, note: string | null): Promise<void>
  /** Adds to the order's total in the database, by id. */
  addToTotal(id: bigint, amount: string): Promise<void>
  setPrice(sku: string, price: string): Promise<number>
  deleteOrder(id: bigint): Promise<number>
  deleteLines(orderId: bigint): Promise<number>
  /** UPDATE of every order of every tenant: no shard is named. */
  changeStatusOfAll(to: string): Promise<number>
  /** UPDATE of the shard key itself. */
  moveOrder(id: bigint, tenantId: number): Promise<number>
  /** By id, FOR UPDATE. */
  lockOrder(id: bigint): Promise<Order | undefined>

  /** SQL with `$1` placeholders through the ORM's way for raw SQL; rows as the ORM returns them. */
  raw<Row extends object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>

  /** A transaction in the transaction: a savepoint. */
  nested<T>(body: (inner: Operations) => Promise<T>): Promise<T>
}

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable' | undefined
  readonly isReadOnly?: boolean | undefined
}

/**
 * What ORMs may not have; scenarios say which of these they need. `split-writes`: one statement that writes to several shards is sent
 * alone, not in a transaction that the ORM lays around it.
 */
export type Lack =
  | 'stream'
  | 'prepared'
  | 'nested'
  | 'read-only'
  | 'isolation'
  | 'lock'
  | 'hint-primary'
  | 'hint-tenant'
  | 'upsert-of-tenant'
  | 'move'
  | 'split-writes'

export interface Application extends Operations {
  /** Rolls back when `body` throws. */
  transaction<T>(body: (transaction: Operations) => Promise<T>, options?: TransactionOptions): Promise<T>
  /**
   * The same application with a context, `{ role: 'primary' }` or `{ tenant }`, by the ORM's own means (a plugin, `$primary`,
   * `$tenant()`, an option); not by `router.run`.
   */
  hinted(context: RouteContext): Operations
  /** Orders of a tenant or of all, by id, without holding all of them in memory. */
  streamOrders(tenantId: number | undefined, batchSize: number): AsyncIterable<Order>
  /** A statement with a placeholder that is built once and run many times: an order by its id. */
  prepareOrderById(): (id: bigint) => Promise<Order | undefined>
  /** What this application sees of an error, for comparing it with the one of plain PostgreSQL. */
  describeError(error: unknown): ErrorDescription
  /** Shardline's own error in what the ORM threw, where an application would look for it. */
  refusalIn(error: unknown): ShardlineError | undefined
  /** Closes what the application opened; the router belongs to the suite. */
  end(): Promise<void>
}

export interface ErrorDescription {
  /** Of the error that the application catches. */
  readonly className: string
  /** SQLSTATE, or the ORM's own. */
  readonly code: unknown
  readonly message: string
  /** Everything else that an application may read: constraint, table, column, detail, meta … Only what is alike on every run. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** An ORM at one version. */
export interface Orm {
  readonly name: string
  /** As it says itself, so that a wrong alias is noticed. */
  readonly version: string
  /** What it lacks, by feature, with the reason; scenarios that need it are skipped. */
  readonly unsupported: Readonly<Partial<Record<Lack, string>>>
  /** Through Shardline. Describes the tables (domain/schema.ts has their list) by the adapter's own means. */
  open(router: Router): Promise<Application>
  /** Without Shardline: over the ORM's native driver. */
  openPlain(url: string): Promise<Application>
}
