import { parseLsn, timelineOfWalFile } from '../topology/lsn.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { WalPosition } from '../topology/lsn.ts'

/** Milliseconds after which a server that does not answer these questions is given up for now. */
const timeoutMs = 2_000

// Written, not inserted: a replica of a quiet primary may take seconds to see what is only inserted. Where commits
// are asynchronous, though, an acknowledged one may be inserted only.
const writtenTo = `
select pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()),
  (case when pg_catalog.current_setting('synchronous_commit') = 'off'
    then pg_catalog.pg_current_wal_insert_lsn() else pg_catalog.pg_current_wal_lsn() end)::text`

const insertedTo = `
select pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), pg_catalog.pg_current_wal_insert_lsn()::text`

// The receiver's timeline is exact but shown to privileged roles only; the control file's lags a promotion until the
// next restartpoint. Until then such a replica is in doubt, and the primary answers.
const replayedTo = `
select coalesce((select received_tli from pg_catalog.pg_stat_wal_receiver),
    (select timeline_id from pg_catalog.pg_control_checkpoint()))::text,
  pg_catalog.pg_last_wal_replay_lsn()::text`

/** Up to where the primary's log certainly holds every commit acknowledged before this call. */
export async function writtenPosition(
  primary: NodePool,
  hasAsyncCommits: boolean,
): Promise<WalPosition | undefined> {
  const [file, lsn] = await askPair(primary, hasAsyncCommits ? insertedTo : writtenTo)
  return position(timelineOfWalFile(file ?? ''), lsn)
}

/** Up to where the replica has replayed; undefined when it is none any more, or does not say. */
export async function replayedPosition(replica: NodePool): Promise<WalPosition | undefined> {
  const [timeline, lsn] = await askPair(replica, replayedTo)
  return position(timeline === null ? undefined : Number(timeline), lsn)
}

function position(timeline: number | undefined, lsn: string | null): WalPosition | undefined {
  const parsed = lsn === null ? undefined : parseLsn(lsn)
  return timeline === undefined || parsed === undefined ? undefined : { timeline, lsn: parsed }
}

async function askPair(pool: NodePool, text: string): Promise<readonly [string | null, string | null]> {
  const result = await pool.execute({ text, rowMode: 'array', types: asText, mayPrepare: true, timeoutMs })
  const [row] = result.rows as unknown as (string | null)[][]
  return [row?.[0] ?? null, row?.[1] ?? null]
}

const asText = { getTypeParser: () => (value: string) => value } as const
