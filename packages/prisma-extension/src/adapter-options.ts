import type { PrismaPg } from '@prisma/adapter-pg'
import type { RouteContext } from '@shardline/core'

/** The options of `PrismaPg`, which are passed on, without the one that says whose pool it is. */
type PrismaPgOptions = Omit<NonNullable<ConstructorParameters<typeof PrismaPg>[1]>, 'disposeExternalPool'>

export interface PrismaAdapterOptions extends PrismaPgOptions {
  /**
   * A context for everything that goes through this adapter, laid over the one of `router.run`:
   * `{ context: { shard: 'eu0' } }` for tools that work on one server, such as a schema engine.
   */
  readonly context?: RouteContext | undefined
  /**
   * True when `prisma.$disconnect()` also ends the router, for an application with one client and nothing else on the
   * router. Default false: whoever made the router ends it, since others may use it.
   */
  readonly endsRouter?: boolean | undefined
}
