import type { RouteContext } from '../routing/context.ts'

/** Where a context carries the nodes that its reads stay with; a symbol, so that it is no field of the context. */
const keptNodes: unique symbol = Symbol('kept nodes')

/** By shard; undefined for a shard that was read where there was no choice. */
type Kept = Map<string, object | undefined>
type KeepingContext = RouteContext & { readonly [keptNodes]?: Kept }

/** The context with reads that stay, shard by shard, with the node that answers the first of them. */
export function keepingNodes(context: RouteContext | undefined): RouteContext {
  return { ...context, [keptNodes]: new Map() } as KeepingContext
}

/**
 * `nodes`, best first, with the one that answered before in front. A node that has been put behind the primary since
 * then, because it does not answer, is not insisted on.
 */
export function stayWithNode<Node extends object>(
  context: RouteContext | undefined,
  shard: string,
  nodes: readonly Node[],
  primary: Node,
): readonly Node[] {
  const keeping: KeepingContext | undefined = context
  const kept = keeping?.[keptNodes]
  const [first] = nodes
  if (kept === undefined || first === undefined) return nodes
  if (nodes.length === 1) {
    if (!kept.has(shard)) kept.set(shard, undefined)
    return nodes
  }
  const before = kept.get(shard) as Node | undefined
  if (before === first) return nodes
  const isReady = (node: Node): boolean => {
    const index = nodes.indexOf(node)
    const ofPrimary = nodes.indexOf(primary)
    return index >= 0 && (ofPrimary < 0 || index <= ofPrimary)
  }
  if (before === undefined || !isReady(before)) {
    kept.set(shard, first)
    return nodes
  }
  return [before, ...nodes.filter((node) => node !== before)]
}

/** The shard that was read, if it is the only one. */
export function shardReadAlone(context: RouteContext | undefined): string | undefined {
  const keeping: KeepingContext | undefined = context
  const kept = keeping?.[keptNodes]
  if (kept?.size !== 1) return undefined
  const [shard] = kept.keys()
  return shard
}
