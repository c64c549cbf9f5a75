import { ConfigError, type RouteContext, type Router } from '@shardline/core'
import { stateOfAdapter, type AdapterState } from './adapter.ts'
import { batchGroups } from './batch-group.ts'
import { internalsOf } from './client-internals.ts'
import { describeModels } from './described-models.ts'
import type { ModelsOf } from './models.ts'
import { keepContexts } from './operation-contexts.ts'
import { addedMethods, bindClient, scopeClient } from './scoped-client.ts'
import { shardOfKey, type ShardKey } from './shard-of-key.ts'

export interface ShardlineOptions<TypeMap> {
  /** Where the rows of each model live. A table may also be described in `defineCluster`, alike. */
  readonly models?: ModelsOf<TypeMap> | undefined
}

/** What the extension adds to a client and to its transactions. Each returns the client with a context; contexts nest. */
// A type, since Prisma wants it to have an index signature.
export type ShardlineClientMethods = {
  /** Everything on the primaries: reads see what has been written. */
  readonly $primary: () => <Client>(this: Client) => Client
  /** Reads on replicas, as without it; writes are refused with StatementError CONTEXT_CONFLICT. */
  readonly $replica: () => <Client>(this: Client) => Client
  /** Everything on one shard: by its name, or the one that holds a model's shard key. */
  readonly $shard: () => <Client>(this: Client, shard: string | ShardKey) => Client
  /** Guard and pin: nothing leaves this tenant, and an operation on another one is refused. */
  readonly $tenant: () => <Client>(this: Client, id: string | number | bigint) => Client
  /** Any context of `router.run`, for one operation or many: `prisma.$context({ consistency: 'strong' }).order.findMany()`. */
  readonly $context: () => <Client>(this: Client, context: RouteContext) => Client
}

/** What `prisma.$extends` takes. */
export type ShardlineExtension = (client: object) => {
  $extends: {
    // oxlint-disable-next-line typescript/no-empty-object-type -- Prisma's own type of an extension that adds nothing there
    extArgs: { result: {}; model: {}; query: {}; client: ShardlineClientMethods }
  }
}

/**
 * Shardline for Prisma: `prisma.$extends(shardline<Prisma.TypeMap>(router, { models: { Order: tenant('tenantId') } }))`, or with the map that
 * the schema generator wrote, which needs no `Prisma.TypeMap`. The client must have been made with `prismaAdapter(router)`.
 *
 * Models by hand are checked against the client: a model or field that it does not have, and a shard key that may be null, do not
 * compile. When the extension is applied it throws ConfigError: ADAPTER_MISSING without the adapter, CONFIG_CONFLICT when a
 * table is described differently in `defineCluster`, CATALOG_MISMATCH when the servers do not have it so, DEPENDENCY_UNSUPPORTED
 * for a version of Prisma whose client cannot be kept right.
 */
export function shardline<TypeMap = never>(
  router: Router,
  options: NoInfer<ShardlineOptions<TypeMap>> = {},
): ShardlineExtension {
  const extend = (client: object): object => {
    const internals = internalsOf(client)
    const state = stateOf(internals.adapter, router)
    const models = describeModels(options.models ?? {}, internals.dataModel, state.schema)
    const tables = [...models.values()].map(({ table, description }) => [table, description] as const)
    if (tables.length > 0) router.describeTables(Object.fromEntries(tables))
    keepContexts(internals, router, batchGroups(router, models))
    state.isExtended = true

    const bind = <Client>(to: Client, context: RouteContext): Client =>
      bindClient(router, to as object, context) as Client
    const methods = {
      $primary(this: object) {
        return bind(this, { role: 'primary' })
      },
      $replica(this: object) {
        return bind(this, { role: 'replica' })
      },
      $shard(this: object, shard: string | ShardKey) {
        return bind(this, { shard: typeof shard === 'string' ? shard : shardOfKey(router, models, shard) })
      },
      $tenant(this: object, id: string | number | bigint) {
        return bind(this, { tenant: id })
      },
      $context(this: object, context: RouteContext) {
        return bind(this, context)
      },
    }
    return scopeClient(router, client, { methods: addedMethods(client, methods), bound: [] })
  }
  return extend as unknown as ShardlineExtension
}

function stateOf(adapter: unknown, router: Router): AdapterState {
  const state = stateOfAdapter(adapter)
  if (state?.router === router) return state
  throw new ConfigError(
    'ADAPTER_MISSING',
    `The PrismaClient was made ${state === undefined ? "without Shardline's adapter, so its statements would not reach the router" : 'with the adapter of another router'}. Make it with new PrismaClient({ adapter: prismaAdapter(router) }), of the router that the extension is given.`,
  )
}
