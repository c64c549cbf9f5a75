import type { Router } from '@shardline/core'
import { typeormDriver } from '@shardline/typeorm-driver'
import { DataSource, EntitySchema, type DataSourceOptions } from 'typeorm'
import { connections, type Jobs, type Walk } from './jobs.ts'

interface Customer {
  id: string
  tenantId: number
  name: string
}

interface Order {
  id: string
  tenantId: number
  total: string
  status: string
  paid: boolean
  placedAt: Date
  note: string | null
  customer?: Customer
}

interface Note {
  id: string
  tenantId: number
  body: string
}

const customers = new EntitySchema<Customer>({
  name: 'customers',
  columns: {
    id: { type: 'bigint', primary: true },
    tenantId: { name: 'tenant_id', type: 'int' },
    name: { type: 'text' },
  },
})
const orders = new EntitySchema<Order>({
  name: 'orders',
  columns: {
    id: { type: 'bigint', primary: true },
    tenantId: { name: 'tenant_id', type: 'int', primary: true },
    total: { type: 'numeric' },
    status: { type: 'text' },
    paid: { type: 'boolean' },
    placedAt: { name: 'placed_at', type: 'timestamptz' },
    note: { type: 'text', nullable: true },
  },
  relations: {
    customer: { type: 'many-to-one', target: 'customers', joinColumn: { name: 'customer_id' } },
  },
})
const notes = new EntitySchema<Note>({
  name: 'notes',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    tenantId: { name: 'tenant_id', type: 'int' },
    body: { type: 'text' },
  },
})
const entities = [customers, orders, notes]
const extra = { max: connections }

export function typeormAlone(url: string, walk: Walk): Promise<Jobs> {
  return jobs('TypeORM', { type: 'postgres', url, extra, entities }, walk)
}

export function typeormSplit(primary: string, replica: string, walk: Walk): Promise<Jobs> {
  const replication = { master: { url: primary }, slaves: [{ url: replica }] }
  return jobs('TypeORM, replication', { type: 'postgres', replication, extra, entities }, walk)
}

export function typeormRouted(router: Router, walk: Walk): Promise<Jobs> {
  return jobs('TypeORM, Shardline', { type: 'postgres', driver: typeormDriver(router), entities }, walk)
}

async function jobs(name: string, options: DataSourceOptions, walk: Walk): Promise<Jobs> {
  const source = await new DataSource({
    ...options,
    installExtensions: false,
  } as DataSourceOptions).initialize()
  const repository = source.getRepository(orders)
  const noteRepository = source.getRepository(notes)
  return {
    name,
    point: () => {
      const { tenantId, id } = walk.next()
      return repository.findOneByOrFail({ tenantId, id: String(id) })
    },
    list: () => {
      const { tenantId } = walk.next()
      return repository.find({ where: { tenantId }, order: { id: 'asc' }, take: 50 })
    },
    insert: () => {
      const { tenantId } = walk.next()
      return noteRepository.insert({ tenantId, body: 'a note' })
    },
    relation: () => {
      const { tenantId, id } = walk.next()
      return repository.findOneOrFail({ where: { tenantId, id: String(id) }, relations: { customer: true } })
    },
    close: () => source.destroy(),
  }
}
