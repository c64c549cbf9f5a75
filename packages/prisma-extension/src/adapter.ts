import { PrismaPg } from '@prisma/adapter-pg'
import { ConfigError, type Router } from '@shardline/core'
import type { PrismaAdapterOptions } from './adapter-options.ts'
import { createAdapterPool } from './adapter-pool.ts'
import { releaseAfterEnd } from './release-after-end.ts'

type ConnectedAdapter = Awaited<ReturnType<PrismaPg['connect']>>

/** What `new PrismaClient({ adapter })` takes. */
export interface PrismaAdapter {
  readonly provider: 'postgres'
  readonly adapterName: string
  connect(): Promise<ConnectedAdapter>
}

/** What the extension has to know about the adapter of a client. */
export interface AdapterState {
  readonly router: Router
  /** The schema of models that name none, when it is not `public`. */
  readonly schema: string | undefined
  /** True once an extension keeps the contexts of the client's operations apart. */
  isExtended: boolean
}

const states = new WeakMap<object, AdapterState>()

/** Undefined for an adapter that is not one of ours. */
export function stateOfAdapter(adapter: unknown): AdapterState | undefined {
  return typeof adapter === 'object' && adapter !== null ? states.get(adapter) : undefined
}

/**
 * The driver adapter that carries every statement of a `PrismaClient` to the router:
 * `new PrismaClient({ adapter: prismaAdapter(router) }).$extends(shardline(router, { models }))`.
 *
 * It is `PrismaPg` over the router's pool, so values and errors are converted as Prisma converts them; its options
 * are those of `PrismaPg`. An adapter belongs to one client. Without the extension it serves as long as nobody calls
 * `router.run`; from then on statements are refused with ConfigError EXTENSION_MISSING, since Prisma's data loader
 * would run operations in the contexts of others.
 */
export function prismaAdapter(router: Router, options: PrismaAdapterOptions = {}): PrismaAdapter {
  const { context, endsRouter = false, ...rest } = options
  const state: AdapterState = { router, schema: rest.schema, isExtended: false }

  const assertAttributed = (): void => {
    if (state.isExtended || context !== undefined) return
    if (router.hasRun || router.context !== undefined) throw extensionMissing()
  }

  const adapter: PrismaAdapter = {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    async connect() {
      const pool = createAdapterPool(await poolClassOfAdapter(), router, { context, assertAttributed })
      const connected = await new PrismaPg(pool, { ...rest, disposeExternalPool: endsRouter }).connect()
      return releaseAfterEnd(connected)
    },
  }
  states.set(adapter, state)
  return adapter
}

/** The `pg.Pool` that `@prisma/adapter-pg` imports: it makes one, which connects to nothing until it is used. */
async function poolClassOfAdapter(): Promise<Parameters<typeof createAdapterPool>[0]> {
  const own = await new PrismaPg({}).connect()
  const { constructor } = own.underlyingDriver()
  await own.dispose()
  return constructor as Parameters<typeof createAdapterPool>[0]
}

function extensionMissing(): ConfigError {
  return new ConfigError(
    'EXTENSION_MISSING',
    "A statement came from a PrismaClient that has Shardline's adapter but not its extension, on a router whose `run` is used. Prisma's data loader runs operations of one tick in the context of the first, so their tenant or shard would be lost; it was not sent. " +
      'Use the client that .$extends(shardline(router)) returns, or give the adapter a fixed context: prismaAdapter(router, { context: { shard } }).',
  )
}
