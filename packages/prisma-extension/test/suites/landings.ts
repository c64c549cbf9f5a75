import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster, PgNode } from '@shardline/local-cluster'

/**
 * The servers that each number was sent to, by their own logs: `act` gives every operation a number between `from` and `to` as
 * a value, and the logs tell the values.
 */
export async function landings(
  cluster: Cluster,
  { from, to }: { readonly from: number; readonly to: number },
  act: () => Promise<void>,
): Promise<ReadonlyMap<number, ReadonlySet<PgNode>>> {
  const starts = new Map(cluster.nodes.map((node) => [node, statSync(logOf(node)).size]))
  await act()
  const landed = new Map<number, Set<PgNode>>()
  for (const [node, start] of starts) {
    const log = readFileSync(logOf(node)).subarray(start).toString()
    for (const [, values = ''] of log.matchAll(/DETAIL: {2}parameters: (.*)/gi)) {
      for (const [, text] of values.matchAll(/= '(\d+)'/g)) {
        const number = Number(text)
        if (number < from || number > to) continue
        const nodes = landed.get(number) ?? new Set()
        landed.set(number, nodes.add(node))
      }
    }
  }
  return landed
}

function logOf(node: PgNode): string {
  return join(node.dir, 'log')
}
