import 'reflect-metadata'
import { createRouter, defineCluster } from '@shardline/core'
import { Reference, RoutableId, ShardKey, typeormDriver } from '@shardline/typeorm-driver'
import {
  Column,
  DataSource,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type Relation,
} from 'typeorm'

@Reference() // whole on every shard
@Entity('countries')
class Country {
  @PrimaryColumn({ type: 'text' })
  code!: string

  @Column({ type: 'text' })
  name!: string
}

@Entity('orders')
class Order {
  @RoutableId() // made by the database; it says where its row is
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant() // rows of a tenant lie together
  @Column({ name: 'tenant_id', type: 'int' })
  tenantId!: number

  @ManyToOne(() => Country)
  @JoinColumn({ name: 'country_code' })
  country!: Relation<Country>

  @OneToMany(() => Line, (line) => line.order, { cascade: true })
  lines!: Relation<Line[]>
}

@Entity('lines')
class Line {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'int' })
  tenantId!: number

  @ManyToOne(() => Order, (order) => order.lines)
  @JoinColumn({ name: 'order_id' })
  order!: Relation<Order>

  @Column({ type: 'text' })
  sku!: string
}

const router = await createRouter(
  defineCluster({
    shards: {
      eu0: { primary: process.env.EU0!, replicas: [process.env.EU0_R1!] },
      eu1: { primary: process.env.EU1!, replicas: [process.env.EU1_R1!] },
    },
  }),
)
const dataSource = new DataSource({
  type: 'postgres',
  driver: typeormDriver(router), // instead of host, port and the rest
  entities: [Country, Order, Line],
  synchronize: true, // for development, on every shard; for the rest there are migrations
})
await dataSource.initialize()
const orders = dataSource.getRepository(Order)

// A reference row goes to every shard, so it is written outside of TypeORM's own transaction.
const country = await dataSource
  .getRepository(Country)
  .save({ code: 'pt', name: 'Portugal' }, { transaction: false })

// A graph goes to its tenant's shard, in one transaction; the ids come back.
const { id } = await orders.save({ tenantId: 7, country, lines: [{ tenantId: 7, sku: 'tea' }] })
await orders.insert([
  { tenantId: 8, country },
  { tenantId: 9, country },
]) // dealt out by key, atomically

// The id alone finds its shard, relations included.
const order = await orders.findOneOrFail({ where: { id }, relations: { lines: true, country: true } })
console.log(order.lines.length, order.country.name) // → 1 Portugal

// What no key confines is read from all shards and merged.
console.log(await orders.count()) // → 3

// A context guards: nothing in here leaves tenant 7.
await router.run({ tenant: 7 }, async () => {
  console.log(await orders.countBy({ tenantId: 7 })) // → 1
})

await dataSource.destroy()
await router.end()
