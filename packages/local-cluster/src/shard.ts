import { LocalClusterError } from './errors.ts'
import type { PgNode } from './node.ts'
import type { WaitOptions } from './wait.ts'

/** Connection strings of one shard, in the shape that `defineCluster({ shards })` takes. */
export interface ShardUrls {
  readonly primary: string
  readonly replicas: readonly string[]
}

/** A primary and its replicas. Who is which follows from the nodes, so a promotion shows at once. */
export class Shard {
  readonly name: string
  readonly #nodes: PgNode[]
  readonly #makeNode: (name: string) => Promise<PgNode>

  constructor(name: string, nodes: readonly PgNode[], makeNode: (name: string) => Promise<PgNode>) {
    this.name = name
    this.#nodes = [...nodes]
    this.#makeNode = makeNode
  }

  get nodes(): readonly PgNode[] {
    return this.#nodes
  }

  /** The node that follows nobody; after a promotion, the one that was promoted last. */
  get primary(): PgNode {
    const [latest] = this.#nodes
      .filter((node) => node.upstream === undefined)
      .sort((a, b) => b.promotion - a.promotion)
    if (latest === undefined) throw new LocalClusterError('NOT_RUNNING', `Shard ${this.name} has no primary.`)
    return latest
  }

  /** The nodes that follow another one, running or not. An old primary is none until it has rejoined. */
  get replicas(): readonly PgNode[] {
    return this.#nodes.filter((node) => node.upstream !== undefined)
  }

  get urls(): ShardUrls {
    return { primary: this.primary.url, replicas: this.replicas.map((node) => node.url) }
  }

  /** Adds a replica late: a copy of the running primary that streams from it. */
  async clone(): Promise<PgNode> {
    const node = await this.#makeNode(`${this.name}r${this.#nodes.length}`)
    await node.cloneFrom(this.primary)
    this.#nodes.push(node)
    return node
  }

  /** Resolves when every running replica has replayed what the primary had written at the call. */
  async waitForReplay(options?: WaitOptions): Promise<void> {
    const running = this.replicas.filter((node) => node.isRunning)
    await Promise.all(running.map((node) => node.waitForReplay(options)))
  }
}
