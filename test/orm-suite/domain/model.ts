/** Rows as the suite compares them: each application turns what its ORM returns into these. */

export interface Tenant {
  readonly id: number
  readonly name: string
  /** Column `region_code`. */
  readonly region: string | null
}

export interface Customer {
  readonly id: bigint
  readonly tenantId: number
  readonly email: string
  /** Column `"displayName"`, which has to be quoted. */
  readonly displayName: string
}

export interface Order {
  readonly id: bigint
  readonly tenantId: number
  readonly customerId: bigint
  readonly status: string
  /** With two decimals. */
  readonly total: string
  readonly note: string | null
  readonly placedAt: Date
  readonly meta: unknown
}

export interface OrderLine {
  readonly id: bigint
  readonly tenantId: number
  readonly orderId: bigint
  readonly sku: string
  readonly quantity: number
}

export interface OrderWithLines extends Order {
  /** By id. */
  readonly lines: readonly OrderLine[]
}

export interface OrderGraph extends OrderWithLines {
  readonly customer: Customer
}

export interface Document {
  readonly id: string
  readonly tenantId: number
  readonly title: string
}

export interface Product {
  readonly sku: string
  readonly title: string
  /** With two decimals. */
  readonly price: string
}

export interface Feature {
  readonly entityId: string
  readonly value: number
  readonly version: number
}

export interface Reading {
  readonly recordedAt: Date
  readonly sensorId: number
  readonly value: number
}

export interface Setting {
  readonly key: string
  readonly value: string
}

export interface StatusTotal {
  readonly status: string
  readonly orders: number
  /** With two decimals. */
  readonly total: string
}

export interface Summary {
  readonly orders: number
  /** With two decimals; null without orders. So are the others. */
  readonly sum: string | null
  readonly average: string | null
  readonly least: string | null
  readonly most: string | null
}

export interface NewCustomer {
  readonly id?: bigint | undefined
  readonly tenantId: number
  readonly email: string
  readonly displayName: string
}

/** What is left out gets the database's default: `status` is `open`, `total` 0, `note` and `meta` null. */
export interface NewOrder {
  readonly id?: bigint | undefined
  readonly tenantId: number
  readonly customerId: bigint
  readonly status?: string | undefined
  readonly total?: string | undefined
  readonly note?: string | null | undefined
  readonly placedAt?: Date | undefined
  readonly meta?: unknown
}

/** A line to be written together with its order, which knows the tenant. */
export interface NewLine {
  readonly id?: bigint | undefined
  readonly sku: string
  readonly quantity: number
}

export interface NewDocument {
  readonly id?: string | undefined
  readonly tenantId: number
  readonly title: string
}

export interface Page {
  readonly limit: number
  readonly offset?: number | undefined
}
