import 'reflect-metadata'
import { Reference, RoutableId, ShardKey } from '@shardline/typeorm-driver'
import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  Unique,
  VersionColumn,
  type Relation,
} from 'typeorm'

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
@Unique('customers_email', ['tenantId', 'email'])
export class Customer extends OfTenant {
  @Column({ type: 'text' })
  email!: string

  @OneToMany(() => Order, (order) => order.customer)
  orders!: Promise<Order[]>

  @DeleteDateColumn({ type: 'timestamptz' })
  deletedAt!: Date | null
}

@Entity('orders')
export class Order extends OfTenant {
  @ManyToOne(() => Customer, (customer) => customer.orders, { nullable: false })
  @JoinColumn({ name: 'customer_id' })
  customer!: Relation<Customer>

  @OneToMany(() => Line, (line) => line.order, { cascade: true })
  lines!: Relation<Line[]>

  @Column({ type: 'text', default: 'open' })
  status!: string

  @Column({ type: 'int', default: 0 })
  views!: number

  @CreateDateColumn({ type: 'timestamptz' })
  placedAt!: Date

  @VersionColumn()
  version!: number
}

@Entity('order_lines')
export class Line extends OfTenant {
  @ManyToOne(() => Order, (order) => order.lines, { nullable: false })
  @JoinColumn({ name: 'order_id' })
  order!: Relation<Order>

  @Column({ type: 'text' })
  sku!: string

  @Column({ type: 'int' })
  quantity!: number
}

@Reference()
@Entity('products')
export class Product {
  @PrimaryColumn({ type: 'text' })
  sku!: string

  @Column({ type: 'numeric' })
  price!: string
}

export const entities = [Customer, Order, Line, Product]
