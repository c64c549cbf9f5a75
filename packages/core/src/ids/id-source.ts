import type { NodePool } from '../pool/node-pool.ts'
import { integerId } from '../sharding/routable-id.ts'

/** How long a block of ticks is used: what is left of it would make ids that sort far too early. */
const freshMs = 1_000

const leastBlock = 32
const largestBlock = 8_192

interface Block {
  next: number
  end: number
  readonly size: number
  readonly leasedAt: number
}

/** Integer ids out of blocks of ticks, which each shard's own clock gives out once. */
export class IdSource {
  readonly #primary: (shard: string) => NodePool
  readonly #now: () => number
  readonly #blocks = new Map<string, Block>()
  readonly #leasing = new Map<string, Promise<void>>()

  /** `now` is a steady clock in milliseconds. */
  constructor(primary: (shard: string) => NodePool, now: () => number) {
    this.#primary = primary
    this.#now = now
  }

  /** `count` ids of a bucket that the shard holds, in ascending order. */
  async take(shard: string, bucket: number, count: number): Promise<bigint[]> {
    const ids: bigint[] = []
    while (ids.length < count) {
      const block = this.#blocks.get(shard)
      if (block === undefined || block.next === block.end || this.#now() - block.leasedAt > freshMs) {
        await this.#lease(shard, count - ids.length)
        continue
      }
      const end = Math.min(block.end, block.next + count - ids.length)
      while (block.next < end) {
        ids.push(integerId(block.next, bucket))
        block.next += 1
      }
    }
    return ids
  }

  /** Callers that come while a block is on its way share it. */
  #lease(shard: string, wanted: number): Promise<void> {
    const under = this.#leasing.get(shard)
    if (under !== undefined) return under
    const own = this.#leaseBlock(shard, wanted).finally(() => this.#leasing.delete(shard))
    this.#leasing.set(shard, own)
    return own
  }

  async #leaseBlock(shard: string, wanted: number): Promise<void> {
    const last = this.#blocks.get(shard)
    const isBusy = last !== undefined && this.#now() - last.leasedAt < freshMs / 10
    const size = Math.max(wanted, isBusy ? Math.min(last.size * 2, largestBlock) : leastBlock)
    const { rows } = await this.#primary(shard).execute({
      text: 'select shardline.next_ticks($1)::text as tick',
      values: [size],
    })
    const next = Number((rows[0] as { tick: unknown } | undefined)?.tick)
    this.#blocks.set(shard, { next, end: next + size, size, leasedAt: this.#now() })
  }
}
