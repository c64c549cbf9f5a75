import {
  Reference,
  RoutableId,
  ShardKey,
  Unsharded,
  reference,
  sharded,
  tenant,
  time,
} from '@shardline/typeorm-driver'
import {
  ChildEntity,
  Column,
  DefaultNamingStrategy,
  Entity,
  EntitySchema,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm'
import { expect, test } from 'vitest'
import { described, failureOf, type Harness } from './harness.ts'

class SnakeCase extends DefaultNamingStrategy {
  override tableName(name: string, given: string | undefined): string {
    return given ?? `${snake(name)}s`
  }
  override columnName(property: string, given: string | undefined, prefixes: string[]): string {
    return snake([...prefixes, given ?? property].join('_'))
  }
}

function snake(text: string): string {
  return text.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
}

/** What annotations become: descriptions in PostgreSQL's names, or errors that name entity and property. */
export function descriptionsSuite(harness: Harness): void {
  const describedBy = (...entities: (new () => object)[]) => described(harness.router, { entities })
  const refusalOf = async (...entities: (new () => object)[]) => {
    const error = await failureOf(describedBy(...entities))
    expect(error).toMatchObject({ name: 'ConfigError', code: 'CONFIG_INVALID' })
    return (error as Error).message
  }

  test('inherited, embedded and renamed columns', async () => {
    abstract class Base {
      @RoutableId()
      @PrimaryColumn({ type: 'bigint', name: 'Id' })
      id!: string
    }
    class Owner {
      @ShardKey.tenant({ guard: 'required' })
      @Column({ type: 'int' })
      tenantId!: number
    }
    @Entity({ name: 'Invoices', schema: 'billing' })
    class Invoice extends Base {
      @Column(() => Owner)
      owner!: Owner
    }
    @Entity()
    class LineItem extends Base {
      @Column(() => Owner, { prefix: false })
      owner!: Owner
    }
    expect(
      await described(harness.router, { entities: [Invoice, LineItem], namingStrategy: new SnakeCase() }),
    ).toEqual({
      'billing.Invoices': {
        strategy: 'tenant',
        guard: 'required',
        column: 'owner_tenant_id',
        routable: ['id'],
      },
      line_items: { strategy: 'tenant', guard: 'required', column: 'tenant_id', routable: ['id'] },
    })
  })

  test('a relation is the key by its join column', async () => {
    @Entity('tenants')
    class Tenant {
      @ShardKey.tenant()
      @PrimaryColumn({ type: 'int' })
      id!: number
    }
    @Entity('notes')
    class Note {
      @RoutableId()
      @PrimaryColumn({ type: 'uuid' })
      id!: string
      @ShardKey.tenant()
      @ManyToOne(() => Tenant, { nullable: false })
      @JoinColumn({ name: 'tenant_fk' })
      tenant!: Tenant
    }
    expect(await describedBy(Tenant, Note)).toEqual({
      tenants: { strategy: 'tenant', column: 'id' },
      notes: { strategy: 'tenant', column: 'tenant_fk', routable: ['id'] },
    })
  })

  test('single-table inheritance describes its table once', async () => {
    @Entity('documents')
    @TableInheritance({ column: { type: 'text', name: 'kind' } })
    class Paper {
      @PrimaryColumn({ type: 'int' })
      id!: number
      @ShardKey.entity({ group: 'papers' })
      @Column({ type: 'text', name: 'owner_id' })
      owner!: string
    }
    @ChildEntity()
    class Contract extends Paper {
      @Column({ type: 'text', nullable: true })
      party!: string
    }
    expect(await describedBy(Paper, Contract)).toEqual({
      documents: { strategy: 'entity', group: 'papers', column: 'owner_id' },
    })
  })

  test('periods, whole tables, and tables of no interest', async () => {
    @Entity('readings')
    class Reading {
      @ShardKey.time({ every: 'month' })
      @PrimaryColumn({ type: 'timestamptz', name: 'recorded_at' })
      at!: Date
    }
    @Reference()
    @Entity('countries')
    class Country {
      @PrimaryColumn({ type: 'text' })
      code!: string
    }
    @Unsharded()
    @Entity('settings')
    class Setting {
      @PrimaryColumn({ type: 'text' })
      key!: string
    }
    @Entity('others')
    class Other {
      @PrimaryColumn({ type: 'text' })
      key!: string
    }
    expect(await describedBy(Reading, Country, Setting, Other)).toEqual({
      readings: { strategy: 'time', every: 'month', column: 'recorded_at' },
      countries: { strategy: 'reference' },
      settings: { strategy: 'unsharded' },
    })
  })

  test('EntitySchema is described by sharded()', async () => {
    interface Order {
      id: string
      tenantId: number
      placedAt: Date
    }
    const columns = {
      id: { type: 'bigint', primary: true },
      tenantId: { type: 'int', name: 'tenant_id' },
      placedAt: { type: 'timestamptz' },
    } as const
    const orders = sharded(
      new EntitySchema<Order>({ name: 'order', tableName: 'orders', columns }),
      tenant('tenantId', { routable: ['id'] }),
    )
    const events = sharded(
      new EntitySchema<Order>({ name: 'event', columns }),
      time('placedAt', { every: 'day' }),
    )
    const currencies = sharded(
      new EntitySchema<{ code: string }>({
        name: 'currency',
        columns: { code: { type: 'text', primary: true } },
      }),
      reference(),
    )
    // Of the same name, in another application.
    sharded(new EntitySchema<Order>({ name: 'order', columns }), reference())
    expect(await described(harness.router, { entities: [orders, events, currencies] })).toEqual({
      orders: { strategy: 'tenant', column: 'tenant_id', routable: ['id'] },
      event: { strategy: 'time', every: 'day', column: 'placedAt' },
      currency: { strategy: 'reference' },
    })
  })

  test('wrong use is told with the entity and the property', async () => {
    class WithId {
      @PrimaryColumn({ type: 'bigint' })
      id!: string
    }
    @Entity()
    class Nullable extends WithId {
      @ShardKey.tenant()
      @Column({ type: 'int', nullable: true })
      tenantId!: number | null
    }
    expect(await refusalOf(Nullable)).toContain('Nullable.tenantId is nullable')

    @Entity()
    class Twice extends WithId {
      @ShardKey.tenant()
      @Column({ type: 'int' })
      one!: number
      @ShardKey.entity()
      @Column({ type: 'int' })
      two!: number
    }
    expect(await refusalOf(Twice)).toContain('Twice.one and Twice.two')

    @Entity()
    class Unknown extends WithId {
      @ShardKey.tenant()
      tenantId!: number
    }
    expect(await refusalOf(Unknown)).toContain('Unknown.tenantId has a shard key or routable id on it')

    @Entity()
    class Keyless {
      @RoutableId()
      @PrimaryColumn({ type: 'bigint' })
      id!: string
    }
    expect(await refusalOf(Keyless)).toContain('Keyless.id is a routable id')

    @Entity()
    class Narrow {
      @RoutableId()
      @PrimaryColumn({ type: 'int' })
      id!: number
      @ShardKey.tenant()
      @Column({ type: 'int' })
      tenantId!: number
    }
    expect(await refusalOf(Narrow)).toContain('Narrow.id is of type integer')

    @Entity()
    class Generated {
      @RoutableId()
      @PrimaryGeneratedColumn({ type: 'bigint' })
      id!: string
      @ShardKey.tenant()
      @Column({ type: 'int' })
      tenantId!: number
    }
    expect(await refusalOf(Generated)).toContain('Generated.id is generated otherwise (increment)')

    @Reference()
    @Entity()
    class Both extends WithId {
      @ShardKey.tenant()
      @Column({ type: 'int' })
      tenantId!: number
    }
    expect(await refusalOf(Both)).toContain('Both is a reference table')

    @Entity()
    class Timed {
      @RoutableId()
      @PrimaryColumn({ type: 'bigint' })
      id!: string
      @ShardKey.time({ every: 'day' })
      @Column({ type: 'timestamptz' })
      at!: Date
    }
    expect(await refusalOf(Timed)).toContain('ids carry tenants and entities only')
    expect(() => ShardKey.tenant()(() => undefined, 'static')).toThrow('experimentalDecorators')
  })

  test('tables that TypeORM makes without a key are refused beside sharded ones', async () => {
    @Entity('tags')
    class Tag {
      @PrimaryColumn({ type: 'int' })
      id!: number
    }
    @Entity('posts')
    class Post {
      @RoutableId()
      @PrimaryColumn({ type: 'bigint' })
      id!: string
      @ShardKey.tenant()
      @Column({ type: 'int' })
      tenantId!: number
      @ManyToMany(() => Tag)
      @JoinTable({ name: 'post_tags' })
      tags!: Tag[]
    }
    expect(await refusalOf(Post, Tag)).toMatch(/Post is sharded, and "post_tags".*many-to-many/)

    @Entity('folders')
    @Tree('closure-table')
    class Folder {
      @RoutableId()
      @PrimaryColumn({ type: 'bigint' })
      id!: string
      @ShardKey.tenant()
      @Column({ type: 'int' })
      tenantId!: number
      @TreeParent()
      parent!: Folder | null
      @TreeChildren()
      children!: Folder[]
    }
    expect(await refusalOf(Folder)).toMatch(/Folder is sharded, and "folders_closure".*closure tree/)
  })

  test('two entities may share a table, and must agree', async () => {
    @Entity('shared')
    class One {
      @ShardKey.tenant()
      @PrimaryColumn({ type: 'int' })
      a!: number
      @Column({ type: 'int' })
      b!: number
    }
    @Entity('shared')
    class Two {
      @PrimaryColumn({ type: 'int' })
      a!: number
      @ShardKey.tenant()
      @Column({ type: 'int' })
      b!: number
    }
    const error = await failureOf(describedBy(One, Two))
    expect(error).toMatchObject({ code: 'CONFIG_CONFLICT' })
    expect((error as Error).message).toContain('Entities One and Two share table shared')
  })
}
