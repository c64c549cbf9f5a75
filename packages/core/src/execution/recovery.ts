import { setTimeout as wait } from 'node:timers/promises'
import { branchNamePattern, readBranchName } from './branch-name.ts'
import { isServerError } from './server-error.ts'
import { quoteLiteral, transactionFate } from './transaction-fate.ts'
import { TopologyError } from '../errors.ts'
import type { NodePool } from '../pool/node-pool.ts'

/** What recovery needs of the router. */
export interface RecoveryEngine {
  readonly shards: readonly string[]
  primary(shard: string): NodePool
  wrote(shard: string): void
}

/** A prepared branch that recovery could not finish, and why. */
export interface UnresolvedBranch {
  readonly shard: string
  readonly gid: string
  readonly why: string
}

export interface Recovery {
  readonly committed: number
  readonly rolledBack: number
  readonly unresolved: readonly UnresolvedBranch[]
}

interface Tally {
  committed: number
  rolledBack: number
  unresolved: UnresolvedBranch[]
}

/**
 * Finishes writes over several shards that a crash left half way: every prepared branch whose deciding transaction has
 * ended is committed or rolled back as that one was. Branches whose decider is still at work are left alone.
 *
 * Safe to run at any time and by several processes at once: all of them come to the same decision.
 * A shard that cannot be reached is reported as unresolved.
 */
export async function recoverPrepared(
  engine: RecoveryEngine,
  shards: readonly string[] = engine.shards,
): Promise<Recovery> {
  const tally: Tally = { committed: 0, rolledBack: 0, unresolved: [] }
  await Promise.all(shards.map((shard) => recoverShard(engine, shard, tally)))
  return tally
}

async function recoverShard(engine: RecoveryEngine, shard: string, tally: Tally): Promise<void> {
  const primary = engine.primary(shard)
  let gids: string[]
  try {
    gids = await danglingBranches(primary)
  } catch (error) {
    if (isEnded(error)) return
    tally.unresolved.push({ shard, gid: '*', why: 'the shard cannot be asked' })
    return
  }
  for (const gid of gids) {
    const name = readBranchName(gid)
    // Two shards may be databases of one server, or even share one: everyone finishes its own.
    if (name === undefined || name.shard !== shard) continue
    const leave = (why: string): void => {
      tally.unresolved.push({ shard, gid, why })
    }
    if (!engine.shards.includes(name.decider)) {
      leave(`its deciding shard "${name.decider}" is not part of this cluster`)
      continue
    }
    try {
      const fate = await transactionFate(engine.primary(name.decider), name.decision)
      if (fate === 'committed' || fate === 'aborted') {
        await finishBranch(primary, gid, fate)
        engine.wrote(shard)
        tally[fate === 'committed' ? 'committed' : 'rolledBack']++
      } else
        leave(
          fate === 'in progress'
            ? 'it is not decided yet'
            : `shard "${name.decider}" does not know its decision`,
        )
    } catch {
      leave('a server cannot be asked')
    }
  }
}

async function danglingBranches(primary: NodePool): Promise<string[]> {
  const { rows } = await primary.executeForHolders({
    text: 'select gid from pg_catalog.pg_prepared_xacts where database = pg_catalog.current_database() and gid like $1',
    values: [branchNamePattern],
    rowMode: 'array',
  })
  return (rows as unknown as string[][]).flatMap(([gid]) => (gid === undefined ? [] : [gid]))
}

async function finishBranch(primary: NodePool, gid: string, fate: 'committed' | 'aborted'): Promise<void> {
  const command = fate === 'committed' ? 'COMMIT PREPARED' : 'ROLLBACK PREPARED'
  try {
    await primary.executeForHolders({ text: `${command} ${quoteLiteral(gid)}` })
  } catch (error) {
    // 42704: somebody else has finished it, in the only way it can be finished.
    if (!isServerError(error) || error.code !== '42704') throw error
  }
}

/** How long a statement waits for a shard to take note of a decision before it leaves that to the background. */
const patienceMs = 1_000
const longestPauseMs = 5_000

const underWay = new WeakMap<RecoveryEngine, Set<string>>()

/**
 * Recovers one shard now, and again and again in the background until nothing is left. Resolves when it is done or
 * after a second. `isComing`: a PREPARE may be on its way to the server yet, so finding nothing proves nothing.
 */
export async function recoverLater(engine: RecoveryEngine, shard: string, isComing = false): Promise<void> {
  const started = performance.now()
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const { unresolved } = await recoverPrepared(engine, [shard])
    if (unresolved.length === 0) {
      if (isComing) break
      return
    }
    if (performance.now() - started > patienceMs) break
    await wait(pauseMs)
  }
  void recoverInBackground(engine, shard)
}

/** Rounds without a find after which a PREPARE that was on its way is taken to have been lost. */
const quietRounds = 4

async function recoverInBackground(engine: RecoveryEngine, shard: string): Promise<void> {
  let shards = underWay.get(engine)
  if (shards === undefined) underWay.set(engine, (shards = new Set()))
  if (shards.has(shard)) return
  shards.add(shard)
  let quiet = 0
  for (let pauseMs = 500; quiet < quietRounds; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    // Does not keep the process alive: whoever starts next recovers, too.
    await wait(pauseMs, undefined, { ref: false })
    const { unresolved } = await recoverPrepared(engine, [shard])
    quiet = unresolved.length === 0 ? quiet + 1 : 0
  }
  shards.delete(shard)
}

function isEnded(error: unknown): boolean {
  return error instanceof TopologyError && error.code === 'POOL_ENDED'
}
