import { randomBytes } from 'node:crypto'
import { StatementError } from '../errors.ts'

/**
 * The name (gid) of a prepared branch says all that recovery needs: the shard that decides, the transaction there whose
 * fate is the decision, and the branch's own shard, because names are unique per server and two shards may share one.
 */
export interface BranchName {
  readonly decider: string
  readonly decision: Decision
  readonly shard: string
}

/** The transaction whose fate decides. */
export interface Decision {
  /** `pg_current_xact_id()`: 64 bits, used once in the history of a server. */
  readonly xid: string
  /** The history it was used in: after a failover the same number may mean another transaction. */
  readonly timeline: string
}

const prefix = 'shardline1'
/** GIDSIZE of twophase.h, with its terminating zero. */
const longestName = 199

export function printBranchName({ decider, decision, shard }: BranchName): string {
  const nonce = randomBytes(4).toString('hex')
  const { xid, timeline } = decision
  const name = [prefix, encodeURIComponent(decider), timeline, xid, encodeURIComponent(shard), nonce].join(
    ':',
  )
  if (name.length > longestName) {
    throw new StatementError(
      'CROSS_SHARD',
      `The shard names "${decider}" and "${shard}" are too long to name a transaction over both. Use names of up to 60 characters.`,
    )
  }
  return name
}

/** Undefined for names that are none of ours. */
export function readBranchName(name: string): BranchName | undefined {
  const [found, decider, timeline, xid, shard, nonce] = name.split(':')
  if (found !== prefix || decider === undefined || shard === undefined || nonce === undefined)
    return undefined
  if (xid === undefined || timeline === undefined || !/^\d+$/.test(xid)) return undefined
  return {
    decider: decodeURIComponent(decider),
    decision: { xid, timeline },
    shard: decodeURIComponent(shard),
  }
}

/** What every name of ours starts with, for LIKE. */
export const branchNamePattern = `${prefix}:%`
