import { RoutableId, ShardKey } from '@shardline/typeorm-driver'
import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity('customers')
export class Customer {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string

  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'bigint' })
  tenantId!: string

  @Column({ type: 'text' })
  name!: string

  @Column({ type: 'text' })
  email!: string
}
