import 'reflect-metadata'
import { Reference, RoutableId, ShardKey } from '@shardline/typeorm-driver'
import { Column, Entity, JoinColumn, ManyToOne, OneToMany, PrimaryColumn, type Relation } from 'typeorm'

@Entity('tenants')
export class TenantRow {
  @ShardKey.tenant()
  @PrimaryColumn({ type: 'int' })
  id!: number

  @Column({ type: 'text' })
  name!: string

  @Column({ name: 'region_code', type: 'text', nullable: true })
  region!: string | null
}

/** What all rows of a tenant have. */
abstract class OfTenant {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'int' })
  tenantId!: number
}

@Entity('customers')
export class CustomerRow extends OfTenant {
  @Column({ type: 'text' })
  email!: string

  @Column({ type: 'text' })
  displayName!: string
}

@Entity('orders')
export class OrderRow extends OfTenant {
  @Column({ name: 'customer_id', type: 'bigint' })
  customerId!: string

  @ManyToOne(() => CustomerRow)
  @JoinColumn({ name: 'customer_id' })
  customer!: Relation<CustomerRow>

  @OneToMany(() => LineRow, (line) => line.order, { cascade: ['insert'] })
  lines!: Relation<LineRow[]>

  @Column({ type: 'text', default: 'open' })
  status!: string

  @Column({ type: 'numeric', precision: 12, scale: 2, default: 0 })
  total!: string

  @Column({ type: 'text', nullable: true })
  note!: string | null

  @Column({ name: 'placed_at', type: 'timestamptz', default: '2026-01-01' })
  placedAt!: Date

  @Column({ type: 'jsonb', nullable: true })
  meta!: unknown
}

@Entity('order_lines')
export class LineRow extends OfTenant {
  @Column({ name: 'order_id', type: 'bigint' })
  orderId!: string

  @ManyToOne(() => OrderRow, (order) => order.lines, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'order_id' })
  order!: Relation<OrderRow>

  @Column({ type: 'text' })
  sku!: string

  @Column({ type: 'int' })
  quantity!: number
}

@Entity('documents')
export class DocumentRow {
  @RoutableId()
  @PrimaryColumn({ type: 'uuid' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'int' })
  tenantId!: number

  @Column({ type: 'text' })
  title!: string
}

@Reference()
@Entity('products')
export class ProductRow {
  @PrimaryColumn({ type: 'text' })
  sku!: string

  @Column({ type: 'text' })
  title!: string

  @Column({ type: 'numeric', precision: 12, scale: 2 })
  price!: string
}

@Entity('settings')
export class SettingRow {
  @PrimaryColumn({ type: 'text' })
  key!: string

  @Column({ type: 'text' })
  value!: string
}

@Entity('features')
export class FeatureRow {
  @ShardKey.entity()
  @PrimaryColumn({ name: 'entity_id', type: 'text' })
  entityId!: string

  @Column({ type: 'double precision' })
  value!: number

  @Column({ type: 'int', default: 1 })
  version!: number
}

@Entity('readings')
export class ReadingRow {
  @ShardKey.time({ every: 'month' })
  @PrimaryColumn({ name: 'recorded_at', type: 'timestamptz' })
  recordedAt!: Date

  @PrimaryColumn({ name: 'sensor_id', type: 'int' })
  sensorId!: number

  @Column({ type: 'double precision' })
  value!: number
}

export const entities = [
  TenantRow,
  CustomerRow,
  OrderRow,
  LineRow,
  DocumentRow,
  ProductRow,
  SettingRow,
  FeatureRow,
  ReadingRow,
]
