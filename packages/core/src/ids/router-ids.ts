import { randomFillSync } from 'node:crypto'
import { ConfigError } from '../errors.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { RouteContext } from '../routing/context.ts'
import { uuidId } from '../sharding/routable-id.ts'
import { IdSource } from './id-source.ts'
import { resolveIdTarget, type IdKnowledge, type IdTarget } from './id-target.ts'

/** What ids need of the router. */
export interface IdEngine {
  snapshot(): IdKnowledge
  context(): RouteContext | undefined
  primary(shard: string): NodePool
  /** A steady clock, milliseconds. */
  now(): number
}

/** Routable ids, made in this process. */
export interface RouterIds {
  id(target?: IdTarget): Promise<bigint>
  ids(target: IdTarget, count: number): Promise<bigint[]>
  uuid(target?: IdTarget): string
}

export function createRouterIds(engine: IdEngine): RouterIds {
  const source = new IdSource(
    (shard) => engine.primary(shard),
    () => engine.now(),
  )
  const nextRandom = createRandomBytes()
  const resolve = (target: IdTarget | undefined) => {
    return resolveIdTarget(target ?? currentTenant(engine.context()), engine.snapshot())
  }
  const ids = async (target: IdTarget | undefined, count: number): Promise<bigint[]> => {
    if (!Number.isInteger(count) || count < 0 || count > 1_000_000)
      throw new ConfigError(
        'CONFIG_INVALID',
        'router.ids takes a whole number from 0 to 1,000,000 as its count.',
      )
    const { shard, bucket } = resolve(target)
    try {
      return await source.take(shard, bucket, count)
    } catch (error) {
      if (!isNotInstalled(error)) throw error
      throw new ConfigError(
        'CATALOG_MISMATCH',
        `Shard "${shard}" has no clock for routable ids. Run router.install().`,
        { cause: error },
      )
    }
  }
  return {
    async id(target) {
      const [id] = await ids(target, 1)
      return id as bigint
    },
    ids,
    uuid: (target) => uuidId(Date.now(), resolve(target).bucket, nextRandom()),
  }
}

/** Sixteen fresh bytes at a time; the source is asked for many at once, because asking is what costs. */
function createRandomBytes(): () => Uint8Array {
  const bytes = new Uint8Array(4_096)
  let used = bytes.length
  return () => {
    if (used === bytes.length) {
      randomFillSync(bytes)
      used = 0
    }
    used += 16
    return bytes.subarray(used - 16, used)
  }
}

function currentTenant(context: RouteContext | undefined): IdTarget {
  if (context?.tenant !== undefined) return { tenant: context.tenant }
  throw new ConfigError(
    'CONFIG_INVALID',
    'An id needs to know whose it is: router.id({ tenant }) or router.id({ table, key }), or call it inside router.run({ tenant }, …).',
  )
}

/** No such schema, or no such function in it. */
function isNotInstalled(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === '3F000' || code === '42883'
}
