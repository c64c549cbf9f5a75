import { execFile } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { serverAccount } from './account.ts'
import type { Binaries } from './binaries.ts'
import { LocalClusterError } from './errors.ts'
import { toConf, type Settings } from './settings.ts'

const run = promisify(execFile)

/**
 * How text sorts by default in every database of the cluster: by a libc locale of this machine
 * (`C` if nothing is said), by ICU (`en-US`, `de-u-co-phonebk`), or by PostgreSQL's own `C.UTF-8`
 * (provider `builtin`, from version 17).
 */
export interface Collation {
  readonly provider: 'libc' | 'icu' | 'builtin'
  readonly locale: string
}

function localeArguments(collation: Collation | undefined): string[] {
  if (collation === undefined) return ['--locale=C']
  const { provider, locale } = collation
  if (provider === 'libc') return [`--locale=${locale}`]
  return ['--locale=C', `--locale-provider=${provider}`, `--${provider}-locale=${locale}`]
}

export interface ImageOptions {
  readonly settings: Settings
  readonly collation?: Collation | undefined
}

/**
 * Creates the data folder that every node of a cluster starts as a copy of. The settings are part of
 * it because pg_control records the limits (max_connections, …) that a standby must not be below.
 */
export async function createImage(
  binaries: Binaries,
  dir: string,
  { settings, collation }: ImageOptions,
): Promise<void> {
  const options = { ...serverAccount, cwd: dirname(dir), env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } }
  const takesSettings = binaries.major >= 16
  const flags = [
    '-D',
    dir,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--no-sync',
    '--no-instructions',
    '--wal-segsize=1',
    ...(binaries.major >= 18 ? ['--no-data-checksums'] : []),
    ...localeArguments(collation),
    ...(takesSettings ? Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]) : []),
  ]
  try {
    await run(join(binaries.dir, 'initdb'), flags, options)
    if (takesSettings) return
    appendFileSync(join(dir, 'postgresql.conf'), toConf(settings))
    // one start and stop of a single-user server writes the limits into pg_control
    const single = run(join(binaries.dir, 'postgres'), ['--single', '-D', dir, 'postgres'], options)
    single.child.stdin?.end()
    await single
  } catch (error) {
    const output = (error as { stderr?: string }).stderr?.trim()
    throw new LocalClusterError('START_FAILED', `initdb failed: ${output ?? String(error)}`, { cause: error })
  }
}
