import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { giveToServer } from './account.ts'
import { copyDir } from './copy-dir.ts'

// A running server's own files and its WAL: the copy gets its WAL by streaming, from the backup's start on.
const notCloned = [
  'postmaster.pid',
  'postmaster.opts',
  'standby.signal',
  'log',
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
]

/** What a standby has to know about the primary that it follows. */
export interface Upstream {
  readonly port: number
  readonly directUrl: string
  readonly dir: string
}

async function onServer<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Keeps the WAL that the standby still needs: a physical slot of its name, made if it is missing. */
export async function reserveSlot(upstream: Upstream, name: string): Promise<void> {
  await onServer(upstream.directUrl, (client) =>
    client.query(
      'select pg_create_physical_replication_slot($1, true) where not exists (select from pg_replication_slots where slot_name = $1)',
      [name],
    ),
  )
}

/** Where a standby of this name streams from. */
export function upstreamSettings(upstream: Upstream, name: string) {
  return {
    primary_conninfo: `host=127.0.0.1 port=${upstream.port} user=postgres application_name=${name}`,
    primary_slot_name: name,
  }
}

/** Makes the next start of the server in `dir` that of a standby. */
export function signalStandby(dir: string): void {
  const file = join(dir, 'standby.signal')
  writeFileSync(file, '')
  giveToServer(file)
}

/** Removes the slots that a former primary kept for its own standbys: they would hold WAL for ever. */
export function dropSlots(dir: string): void {
  emptyFolder(join(dir, 'pg_replslot'))
}

function emptyFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700 })
  giveToServer(folder)
}

/**
 * Online base backup of a running primary into `dir` (which is replaced) by pg_backup_start, a file copy and
 * pg_backup_stop: pg_basebackup is not among the embedded binaries.
 */
export async function cloneData(upstream: Upstream, dir: string, name: string): Promise<void> {
  await onServer(upstream.directUrl, async (client) => {
    await client.query('select pg_backup_start($1, true)', [name])
    rmSync(dir, { recursive: true, force: true })
    await copyDir(upstream.dir, dir)
    for (const entry of notCloned) rmSync(join(dir, entry), { recursive: true, force: true })
    for (const folder of ['pg_wal', 'pg_replslot', 'pg_dynshmem']) emptyFolder(join(dir, folder))
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
    const label = join(dir, 'backup_label')
    writeFileSync(label, rows[0]?.labelfile ?? '')
    giveToServer(label)
  })
}
