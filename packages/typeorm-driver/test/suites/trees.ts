import { RoutableId, ShardKey } from '@shardline/typeorm-driver'
import { Column, Entity, PrimaryColumn, Tree, TreeChildren, TreeParent, type Relation } from 'typeorm'
import { expect, test } from 'vitest'
import { withDataSource, type Harness } from './harness.ts'

abstract class Node {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string
  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'int' })
  tenantId!: number
  @Column({ type: 'text' })
  name!: string
}

@Entity('folders')
@Tree('materialized-path')
class Folder extends Node {
  @TreeParent()
  parent!: Relation<Folder> | null
  @TreeChildren()
  children!: Relation<Folder[]>
}

/** Trees of a sharded entity: each tenant's is on its shard. */
export function treesSuite(harness: Harness): void {
  test('materialized paths', async () => {
    const { cluster, router } = harness
    await withDataSource(router, { entities: [Folder], synchronize: true }, async (db) => {
      const trees = db.getTreeRepository(Folder)
      for (const tenantId of [1, 2, 3, 4]) {
        const root = await trees.save({ tenantId, name: `root ${tenantId}` })
        const child = await trees.save({ tenantId, name: 'child', parent: root })
        await trees.save({ tenantId, name: 'leaf', parent: child })
        const tree = await router.run({ tenant: tenantId }, () => trees.findDescendantsTree(root))
        expect(tree).toMatchObject({ children: [{ name: 'child', children: [{ name: 'leaf' }] }] })
        const above = await router.run({ tenant: tenantId }, () => trees.findAncestors(child))
        expect(above.map(({ name }) => name).toSorted()).toEqual(['child', `root ${tenantId}`])
      }
      expect(await trees.findRoots()).toHaveLength(4)
      const stored = await Promise.all(
        cluster.shards.map(({ primary }) => primary.sql('select from folders')),
      )
      expect(stored.flat()).toHaveLength(12)
    })
  })
}
