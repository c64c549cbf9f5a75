import { at, createPick } from './balance.ts'
import { keep, nearest, taggedFor } from './filters.ts'
import type { Balance, Pick } from './balance.ts'
import type { Candidate, SelectionEnvironment } from './candidate.ts'

export interface SelectorOptions extends SelectionEnvironment {
  /** Default `p2c`. */
  readonly balance?: Balance | undefined
  /** The zone that this process runs in: its replicas are asked first. */
  readonly zone?: string | undefined
}

/** One shard's nodes, as selection sees them. The same object must be passed every time. */
interface ShardCandidates<C extends Candidate> {
  readonly primary: C
  readonly replicas: readonly C[]
}

export interface ReadRequest<C extends Candidate> {
  /** Only replicas with this tag are asked. */
  readonly workload?: string | undefined
  /** False for a node that may not have what the caller has written: it is never asked. */
  readonly isConsistent?: ((candidate: C) => boolean) | undefined
  /** False for a node that is put aside: it is asked last. */
  readonly isAvailable?: ((candidate: C) => boolean) | undefined
}

/**
 * The nodes that may answer a read of the shard, best first: the picked replica, the other ones, the primary, and
 * last those that are put aside (never nobody: with everything put aside they are still asked).
 *
 * Empty only when a workload is asked for that no replica is tagged with.
 */
export type SelectRead = <C extends Candidate>(
  shard: ShardCandidates<C>,
  request: ReadRequest<C>,
) => readonly C[]

export function createSelector(options: SelectorOptions): SelectRead {
  const picks = new WeakMap<object, Pick>()
  const pickFor = (shard: object): Pick => {
    let pick = picks.get(shard)
    if (pick === undefined) picks.set(shard, (pick = createPick(options.balance ?? 'p2c', options)))
    return pick
  }
  const orders = new Orders()

  return (shard, request) => {
    const { primary } = shard
    const suitable = taggedFor(shard.replicas, request.workload)
    if (suitable.length === 0) return request.workload === undefined ? orders.alone(primary) : []
    const consistent = request.isConsistent === undefined ? suitable : keep(suitable, request.isConsistent)
    const ready = request.isAvailable === undefined ? consistent : keep(consistent, request.isAvailable)
    if (ready.length === 0) return consistent.length === 0 ? orders.alone(primary) : [primary, ...consistent]
    const near = nearest(ready, options.zone)
    const picked = near.length === 1 ? 0 : pickFor(shard)(near)
    if (near === shard.replicas) return at(orders.rotations(near, primary), picked)
    const rest = near === ready ? [] : keep(ready, (one) => !near.includes(one))
    const aside = ready === consistent ? [] : keep(consistent, (one) => !ready.includes(one))
    return [...rotate(near, picked), ...rest, primary, ...aside]
  }
}

function rotate<C>(list: readonly C[], start: number): readonly C[] {
  return start === 0 ? list : [...list.slice(start), ...list.slice(0, start)]
}

/** Answers of the common cases, built once: all replicas eligible, or none. */
class Orders {
  readonly #alone = new WeakMap<object, readonly unknown[]>()
  readonly #rotations = new WeakMap<object, readonly (readonly unknown[])[]>()

  alone<C extends Candidate>(primary: C): readonly C[] {
    let order = this.#alone.get(primary)
    if (order === undefined) this.#alone.set(primary, (order = [primary]))
    return order as readonly C[]
  }

  rotations<C extends Candidate>(replicas: readonly C[], primary: C): readonly (readonly C[])[] {
    let orders = this.#rotations.get(replicas)
    if (orders === undefined) {
      orders = replicas.map((_, start) => [...rotate(replicas, start), primary])
      this.#rotations.set(replicas, orders)
    }
    return orders as readonly (readonly C[])[]
  }
}
