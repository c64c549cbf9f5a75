import type { Role } from '../statement/statement.ts'

export type Consistency = 'eventual' | 'session' | 'strong'

/** What a caller adds to its statements: through `router.run`, an adapter's options or a comment hint. */
export interface RouteContext {
  /** Guard and pin: statements stay on this tenant's shard, and a statement about another tenant is refused. */
  readonly tenant?: string | number | bigint
  readonly role?: Role
  readonly consistency?: Consistency
  /** Replicas with this tag are asked; without one that carries it, the read is refused. */
  readonly workload?: string
  /** Everything goes to this shard. */
  readonly shard?: string
}
