export interface Customer {
  readonly id: string
  readonly name: string
  readonly email: string
}

export interface OrderLine {
  readonly sku: string
  readonly quantity: number
}

export interface NewOrder {
  readonly customerId: string
  readonly lines: readonly OrderLine[]
}

/** Ids are bigint in PostgreSQL and text everywhere else, as JSON cannot hold them. */
export interface Order {
  readonly id: string
  readonly status: 'open' | 'shipped'
  readonly customer: Customer
  readonly lines: readonly OrderLine[]
}

export interface BestSeller {
  readonly sku: string
  readonly quantity: number
}

/** What the application does. Each of the four examples is this, written with its ORM. */
export interface OrderBook {
  addCustomer(tenantId: number, customer: Omit<Customer, 'id'>): Promise<Customer>
  /** One transaction on the tenant's shard. */
  place(tenantId: number, order: NewOrder): Promise<Order>
  /** The newest first, each with its customer and lines. */
  list(tenantId: number, limit: number): Promise<readonly Order[]>
  /** By the id alone, without a tenant: the id says where the order is. */
  find(orderId: string): Promise<Order | undefined>
  ship(orderId: string): Promise<boolean>
  /** Over all tenants, and so over all shards. */
  bestSellers(limit: number): Promise<readonly BestSeller[]>
  close(): Promise<void>
}
