import { RoutableId, ShardKey } from '@shardline/typeorm-driver'
import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type Relation,
} from 'typeorm'

/** Ids are made by the database, with the tenant's bucket in them: an id alone says where its row lies. */
@Entity('customers')
export class CustomerRow {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'bigint' })
  tenantId!: number

  @Column({ type: 'text' })
  name!: string

  @Column({ type: 'text' })
  email!: string
}

@Entity('orders')
export class OrderRow {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'bigint' })
  tenantId!: number

  @ManyToOne(() => CustomerRow)
  @JoinColumn({ name: 'customer_id' })
  customer!: Relation<CustomerRow>

  @OneToMany(() => LineRow, (line) => line.order, { cascade: ['insert'] })
  lines!: Relation<LineRow[]>

  @Column({ type: 'text', default: 'open' })
  status!: 'open' | 'shipped'

  @CreateDateColumn({ name: 'placed_at', type: 'timestamptz' })
  placedAt!: Date
}

@Entity('order_lines')
export class LineRow {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'bigint' })
  tenantId!: number

  @ManyToOne(() => OrderRow, (order) => order.lines)
  @JoinColumn({ name: 'order_id' })
  order!: Relation<OrderRow>

  @Column({ type: 'text' })
  sku!: string

  @Column({ type: 'integer' })
  quantity!: number
}
