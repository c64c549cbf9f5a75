import { channel } from 'node:diagnostics_channel'
import { setTimeout as wait } from 'node:timers/promises'
import { StatementError, TopologyError } from '../errors.ts'
import { printBranchName, type Decision } from './branch-name.ts'
import { isOutcomeUnknown, markAmongUnfinished } from './failure.ts'
import { namedShard } from './named-shard.ts'
import { ownPosition } from './own-position.ts'
import { recoverLater } from './recovery.ts'
import { isServerError } from './server-error.ts'
import { nameDecision, quoteLiteral, transactionFate } from './transaction-fate.ts'
import type pg from 'pg'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { WireQuery } from '../pool/wire-query.ts'
import type { Engine } from './engine.ts'

/** One shard's part of a write over several. */
export interface ShardWrite {
  readonly shard: string
  readonly query: WireQuery
  /** The application's text, where the query's is another one and errors tell places in it. */
  readonly ownText?: string | undefined
}

export interface AtomicWriteOptions {
  /**
   * `first`: the first shard before all others, which is enough where every shard locks the same rows; `together`: all
   * at once, and one by one if that does not work out.
   */
  readonly order: 'first' | 'together'
  /** Looks at the results before anything is decided; what it throws rolls everything back. */
  readonly check: (results: readonly pg.QueryResult[]) => void
}

/** Tells where a write over several shards stands: after `run`, `prepared`, `decided` and `finished`. */
const steps = channel('shardline:two-phase:step')

/**
 * How long a shard may wait for a lock while others hold theirs. A deadlock over several servers is seen by none of
 * them; after this time the whole is rolled back and run shard by shard in one order, in which it cannot deadlock.
 */
const lockTimeoutMs = 1_000

/** How long an unknown outcome of the deciding COMMIT is asked for before it is left to recovery. */
const decisionTimeoutMs = 5_000

interface Branch extends ShardWrite {
  readonly pool: NodePool
  readonly connection: Connection
  gid: string | undefined
  /** `sent`: PREPARE was sent, and not a word came back. */
  state: 'idle' | 'open' | 'sent' | 'prepared' | 'ended'
}

/**
 * Runs one write on several shards so that it happens on all of them or on none.
 *
 * Each shard runs its part in a transaction. The first shard decides: all others PREPARE under a name that says which
 * transaction of the decider to ask about; the decider's COMMIT is the durable decision; then the others COMMIT
 * PREPARED. Whatever breaks off in between is finished by `recoverPrepared`, from the decider's commit log alone.
 *
 * Results are in the order of `writes`, which must be the order of `engine.shards`.
 */
export async function writeAtomically(
  engine: Engine,
  writes: readonly ShardWrite[],
  options: AtomicWriteOptions,
): Promise<pg.QueryResult[]> {
  if (options.order === 'first') return attempt(engine, writes, { ...options, isPatient: true })
  try {
    return await attempt(engine, writes, { ...options, isPatient: false })
  } catch (error) {
    if (!isLockFailure(error)) throw error
    return attempt(engine, writes, { ...options, isPatient: true })
  }
}

interface AttemptOptions extends AtomicWriteOptions {
  /** Waits for locks as long as the server lets it; then shards that lock different rows go one by one. */
  readonly isPatient: boolean
}

async function attempt(
  engine: Engine,
  writes: readonly ShardWrite[],
  options: AttemptOptions,
): Promise<pg.QueryResult[]> {
  const branches: Branch[] = []
  try {
    // One by one in the order of the shards: two writers that each hold what the other waits for cannot be.
    for (const write of writes) {
      const pool = engine.primary(write.shard)
      const connection = pool.tryLease() ?? (await pool.lease({ signal: write.query.signal }))
      branches.push({ ...write, pool, connection, gid: undefined, state: 'idle' })
    }
    const results = await runAll(branches, options)
    options.check(results)
    await commitAll(engine, branches)
    for (const { shard } of branches) engine.wrote(shard)
    return results
  } catch (error) {
    await rollBack(engine, branches)
    throw error
  } finally {
    for (const { pool, connection } of branches) pool.release(connection)
  }
}

async function runAll(branches: readonly Branch[], options: AttemptOptions): Promise<pg.QueryResult[]> {
  const results: pg.QueryResult[] = []
  if (options.isPatient && options.order === 'together') {
    for (const [at, branch] of branches.entries()) {
      try {
        results.push(await run(branch, options))
      } catch (error) {
        throw at + 1 < branches.length ? markAmongUnfinished(error) : error
      }
    }
    return results
  }
  const [decider, ...others] = branches
  if (decider === undefined) return results
  if (options.order === 'first') {
    results.push(await run(decider, options))
    results.push(...(await runTogether(others, options)))
    return results
  }
  return runTogether(branches, options)
}

async function runTogether(branches: readonly Branch[], options: AttemptOptions): Promise<pg.QueryResult[]> {
  const attempts = branches.map((branch) => run(branch, options))
  try {
    return await Promise.all(attempts)
  } catch (error) {
    // What still runs or waits for a lock need not go on; its connection is not used again.
    for (const { connection, state } of branches) if (state === 'open') void connection.cancel()
    const outcomes = await Promise.allSettled(attempts)
    const failures = outcomes.filter(({ status }) => status === 'rejected').length
    throw failures > 1 ? markAmongUnfinished(error) : error
  }
}

async function run(branch: Branch, { isPatient }: AttemptOptions): Promise<pg.QueryResult> {
  branch.state = 'open'
  const preface = isPatient
    ? ['BEGIN READ WRITE']
    : ['BEGIN READ WRITE', `SET LOCAL lock_timeout = ${lockTimeoutMs}`]
  try {
    return await branch.connection.query({ ...branch.query, preface })
  } catch (error) {
    const { shard, query, ownText } = branch
    throw namedShard(
      ownText === undefined ? error : ownPosition(error, ownText, query.text ?? ownText),
      shard,
    )
  }
}

/** 55P03: the lock timeout above. 40P01: a deadlock that one server saw. */
function isLockFailure(error: unknown): boolean {
  return isServerError(error) && (error.code === '55P03' || error.code === '40P01')
}

async function commitAll(engine: Engine, branches: readonly Branch[]): Promise<void> {
  const [decider, ...others] = branches
  if (decider === undefined) return
  steps.publish({ step: 'run', shards: branches.map(({ shard }) => shard) })
  const decision = await nameDecision(decider.pool, decider.connection)
  for (const branch of others) {
    branch.gid = printBranchName({ decider: decider.shard, decision, shard: branch.shard })
  }
  await settleAll(others, prepare)
  steps.publish({ step: 'prepared', shards: branches.map(({ shard }) => shard) })
  await decide(engine, decider, decision)
  steps.publish({ step: 'decided', shards: branches.map(({ shard }) => shard) })
  await Promise.all(others.map((branch) => finish(engine, branch)))
  steps.publish({ step: 'finished', shards: branches.map(({ shard }) => shard) })
}

/** Waits for all, then throws the first failure: nothing may still be under way when it is undone. */
async function settleAll(branches: readonly Branch[], act: (branch: Branch) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(branches.map(act))
  // Whoever decides has not checked its deferred constraints yet.
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw markAmongUnfinished(outcome.reason)
}

async function prepare(branch: Branch): Promise<void> {
  const { connection, shard, gid = '' } = branch
  try {
    await connection.query({ text: `PREPARE TRANSACTION ${quoteLiteral(gid)}` })
    branch.state = 'prepared'
  } catch (error) {
    if (isOutcomeUnknown(error)) branch.state = 'sent'
    else branch.state = connection.transactionStatus === 'I' ? 'ended' : 'open'
    if (isServerError(error) && error.code === '55000') throw cannotPrepare(shard, error)
    throw namedShard(error, shard)
  }
}

function cannotPrepare(shard: string, cause: unknown): StatementError {
  return new StatementError(
    'CROSS_SHARD',
    `The write concerns several shards, and shard "${shard}" cannot take part: its max_prepared_transactions is 0. Set it to at least the number of connections on every primary, or write shard key by shard key. Nothing was written.`,
    { cause, details: { shard } },
  )
}

async function decide(engine: Engine, decider: Branch, decision: Decision): Promise<void> {
  try {
    const result = await decider.connection.query({ text: 'COMMIT' })
    decider.state = 'ended'
    if (result.command === 'COMMIT') return
    throw new TypeError('the deciding transaction was rolled back')
  } catch (error) {
    if (decider.state === 'ended' || !isOutcomeUnknown(error)) {
      // A deferred constraint, say: PostgreSQL has rolled back.
      decider.state = 'ended'
      throw namedShard(error, decider.shard)
    }
    decider.state = 'ended'
    if ((await awaitDecision(engine, decider.shard, decision)) === 'committed') return
    throw namedShard(error, decider.shard)
  }
}

/** The fate of a decision whose answer was lost; throws OUTCOME_UNKNOWN when it cannot be found out in time. */
async function awaitDecision(
  engine: Engine,
  shard: string,
  decision: Decision,
): Promise<'committed' | 'aborted'> {
  const deadline = performance.now() + decisionTimeoutMs
  let cause: unknown
  for (let pauseMs = 10; performance.now() < deadline; pauseMs = Math.min(pauseMs * 2, 250)) {
    try {
      const fate = await transactionFate(engine.primary(shard), decision)
      if (fate === 'committed' || fate === 'aborted') return fate
    } catch (error) {
      cause = error
    }
    await wait(pauseMs)
  }
  throw undecided(shard, cause)
}

function undecided(shard: string, cause: unknown): TopologyError {
  return new TopologyError(
    'OUTCOME_UNKNOWN',
    `Shard "${shard}" was lost while it decided a write over several shards, and cannot be asked. As soon as it is back, the write is finished or undone on all of them; do not repeat it before.`,
    { cause, details: { shard } },
  )
}

/** The decision stands; a shard that cannot be told now is told by recovery. */
async function finish(engine: Engine, branch: Branch): Promise<void> {
  const { connection, gid = '' } = branch
  try {
    await connection.query({ text: `COMMIT PREPARED ${quoteLiteral(gid)}` })
    branch.state = 'ended'
  } catch {
    branch.state = 'ended'
    await recoverLater(engine, branch.shard)
  }
}

/** Undoes what was not decided. Never throws: the reason for undoing is what the caller is told. */
async function rollBack(engine: Engine, branches: readonly Branch[]): Promise<void> {
  for (const { shard } of branches) engine.wrote(shard)
  // The decider first: once its transaction has ended, every prepared branch is known to be aborted.
  for (const branch of branches) {
    const { connection, state } = branch
    if (state !== 'open') continue
    branch.state = 'ended'
    if (connection.isBroken || connection.transactionStatus === 'I') continue
    await connection.query({ text: 'ROLLBACK' }).catch(() => {})
  }
  await Promise.all(
    branches.map(async ({ shard, state }) => {
      if (state === 'prepared' || state === 'sent') await recoverLater(engine, shard, state === 'sent')
    }),
  )
}
