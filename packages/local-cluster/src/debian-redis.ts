import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

// What redis-server links to, in any of the Debian and Ubuntu releases around; what is not there is not taken.
const libraries = /^(libatomic1|libhiredis|libjemalloc2|liblua5\.1-0|liblzf1|lua-cjson|lua-bitop|libssl3)/

/** Where the server is and what it needs in its environment, or why there is none. */
export type UnpackedRedis =
  | { readonly path: string; readonly env: { readonly LD_LIBRARY_PATH: string } }
  | { readonly reason: string }

/** node_modules/.cache of the outermost folder above us that has one: shared by all packages of a workspace. */
function findCache(): string {
  let found = join(process.cwd(), 'node_modules')
  for (let at = process.cwd(); at !== dirname(at); at = dirname(at)) {
    const modules = join(at, 'node_modules')
    if (existsSync(modules)) found = modules
  }
  return join(found, '.cache')
}

/** apt-get with lists and cache of our own: no root, and the system's are not touched. */
async function download(home: string): Promise<void> {
  const packages = join(home, 'deb')
  for (const folder of ['lists/partial', 'cache/archives/partial', 'deb'])
    mkdirSync(join(home, folder), { recursive: true })
  const own = [
    `Dir::State::lists=${home}/lists`,
    `Dir::Cache=${home}/cache`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
  ]
  const apt = own.flatMap((option) => ['-o', option])
  const options = { cwd: packages, maxBuffer: 2 ** 24 }
  await run('apt-get', [...apt, '-qq', 'update'], options)
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  )
  const { stdout } = await run('apt-cache', [...apt, 'depends', '--recurse', ...only, 'redis-tools'], options)
  const needed = new Set(stdout.split('\n').filter((name) => libraries.test(name)))
  await run('apt-get', [...apt, '-qq', 'download', 'redis-server', 'redis-tools', ...needed], options)
  for (const file of readdirSync(packages))
    await run('dpkg', ['-x', join(packages, file), join(home, 'root')])
  for (const folder of ['lists', 'cache', 'deb']) rmSync(join(home, folder), { recursive: true })
}

function unpackedIn(home: string): UnpackedRedis {
  const path = join(home, 'root/usr/bin/redis-server')
  if (!existsSync(path)) return { reason: "Debian's packages hold no redis-server" }
  const lib = join(home, 'root/usr/lib')
  const folders = readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.name.includes('-linux-'))
  return { path, env: { LD_LIBRARY_PATH: folders.map((entry) => join(lib, entry.name)).join(':') } }
}

/** Debian's own Redis, unpacked once into node_modules/.cache; built aside and moved, so that parallel runs never see half of it. */
export async function unpackDebianRedis(): Promise<UnpackedRedis> {
  if (process.platform !== 'linux')
    return { reason: `none on the PATH, and ${process.platform} has no Debian packages` }
  const cache = findCache()
  const home = join(cache, `redis-${process.arch}`)
  if (existsSync(home)) return unpackedIn(home)
  let building: string | undefined
  try {
    mkdirSync(cache, { recursive: true })
    building = mkdtempSync(`${home}-`)
    await download(building)
    if (!existsSync(home)) renameSync(building, home)
    return unpackedIn(home)
  } catch (error) {
    if (existsSync(home)) return unpackedIn(home)
    const [firstLine] = String((error as { stderr?: string }).stderr || error)
      .trim()
      .split('\n')
    return { reason: `none on the PATH, and unpacking Debian's packages failed: ${firstLine}` }
  } finally {
    if (building !== undefined) rmSync(building, { recursive: true, force: true })
  }
}
