import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '@shardline/core'

/** A migration as Prisma keeps it: a folder with a `migration.sql`. */
export interface Migration {
  readonly name: string
  readonly script: string
  /** SHA-256 of the script, in hex: what Prisma writes into its book. */
  readonly checksum: string
  /** The same of the script with the other kind of line ends: a checkout on another system is no change. */
  readonly otherChecksum: string
}

/**
 * The migrations of a folder, in the order in which they are applied: that of their names.
 * @throws ConfigError CONFIG_INVALID when there is no such folder, a migration has no script, or it is for another database
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ConfigError('CONFIG_INVALID', `There is no folder of migrations at ${folder}.`, { cause })
  })
  const lock = await readFile(join(folder, 'migration_lock.toml'), 'utf8').catch(() => '')
  const provider = /^provider\s*=\s*"(.*)"/m.exec(lock)?.[1]
  if (provider !== undefined && provider !== 'postgresql') {
    throw new ConfigError(
      'CONFIG_INVALID',
      `The migrations at ${folder} are for ${provider}, not postgresql.`,
    )
  }
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return await Promise.all(names.sort().map((name) => readMigration(folder, name)))
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const script = await readFile(join(folder, name, 'migration.sql'), 'utf8').catch((cause: unknown) => {
    throw new ConfigError('CONFIG_INVALID', `Migration ${name} has no migration.sql. Write it, or delete its folder.`, { cause }) // prettier-ignore
  })
  const unixScript = script.replaceAll('\r\n', '\n')
  const other = script === unixScript ? script.replaceAll('\n', '\r\n') : unixScript
  return { name, script, checksum: sha256(script), otherChecksum: sha256(other) }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
