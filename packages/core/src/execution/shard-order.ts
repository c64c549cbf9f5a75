import { rankText } from '../merge/ranking.ts'
import type { MergeEnvironment } from '../merge/row.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { Engine } from './engine.ts'

/** What a merge asks of the shard whose fields it was given: the labels of its enums, and how it sorts. */
export function shardOrder(engine: Engine, shard: string, node: NodePool): MergeEnvironment {
  return {
    enumLabels: (typeOid) => engine.enumLabels(shard, typeOid),
    async rank(values, typeOid, collation) {
      const typeName = await nameOfType(node, typeOid)
      const { rows } = await node.execute({
        text: rankText(typeName, collation),
        values: [values],
        rowMode: 'array',
        mayPrepare: true,
      })
      return (rows as unknown as unknown[][]).map(([rank]) => Number(rank))
    },
  }
}

const names = new WeakMap<NodePool, Map<number, string>>()

/** The type as the shard itself spells it; OIDs of one server never change their meaning while a type lives. */
async function nameOfType(node: NodePool, typeOid: number): Promise<string> {
  let known = names.get(node)
  if (known === undefined) names.set(node, (known = new Map()))
  const name = known.get(typeOid)
  if (name !== undefined) return name
  const { rows } = await node.execute({
    text: 'select pg_catalog.format_type($1, null)',
    values: [typeOid],
    rowMode: 'array',
  })
  const [[found] = []] = rows as unknown as string[][]
  if (found === undefined) throw new TypeError('format_type gave no row')
  known.set(typeOid, found)
  return found
}
