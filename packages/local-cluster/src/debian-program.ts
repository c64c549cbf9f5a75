import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A server that Debian has and npm has not. */
export interface DebianProgram {
  /** Of its folder in the cache. */
  readonly name: string
  readonly packages: readonly string[]
  /** What the program links to, in any of the Debian and Ubuntu releases around; what is not there is not taken. */
  readonly libraries: RegExp
  /** Inside the packages. */
  readonly path: string
}

/** Where the program is and what it needs in its environment, or why there is none. */
export type UnpackedProgram =
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
async function download({ packages, libraries }: DebianProgram, home: string): Promise<void> {
  const archives = join(home, 'deb')
  for (const folder of ['lists/partial', 'cache/archives/partial', 'deb'])
    mkdirSync(join(home, folder), { recursive: true })
  const own = [
    `Dir::State::lists=${home}/lists`,
    `Dir::Cache=${home}/cache`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
  ]
  const apt = own.flatMap((option) => ['-o', option])
  const options = { cwd: archives, maxBuffer: 2 ** 24 }
  await run('apt-get', [...apt, '-qq', 'update'], options)
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  )
  const { stdout } = await run('apt-cache', [...apt, 'depends', '--recurse', ...only, ...packages], options)
  const needed = new Set(stdout.split('\n').filter((name) => libraries.test(name)))
  await run('apt-get', [...apt, '-qq', 'download', ...packages, ...needed], options)
  for (const file of readdirSync(archives))
    await run('dpkg', ['-x', join(archives, file), join(home, 'root')])
  for (const folder of ['lists', 'cache', 'deb']) rmSync(join(home, folder), { recursive: true })
}

function unpackedIn(home: string, program: DebianProgram): UnpackedProgram {
  const path = join(home, 'root', program.path)
  if (!existsSync(path)) return { reason: `Debian's packages hold no ${program.name}` }
  const lib = join(home, 'root/usr/lib')
  const folders = readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.name.includes('-linux-'))
  return { path, env: { LD_LIBRARY_PATH: folders.map((entry) => join(lib, entry.name)).join(':') } }
}

/** Debian's own build, unpacked once into node_modules/.cache; made aside and moved, so that parallel runs never see half of it. */
export async function unpackDebianProgram(program: DebianProgram): Promise<UnpackedProgram> {
  if (process.platform !== 'linux')
    return { reason: `none on the PATH, and ${process.platform} has no Debian packages` }
  const cache = findCache()
  const home = join(cache, `${program.name}-${process.arch}`)
  if (existsSync(home)) return unpackedIn(home, program)
  let building: string | undefined
  try {
    mkdirSync(cache, { recursive: true })
    building = mkdtempSync(`${home}-`)
    await download(program, building)
    if (!existsSync(home)) renameSync(building, home)
    return unpackedIn(home, program)
  } catch (error) {
    if (existsSync(home)) return unpackedIn(home, program)
    const [firstLine] = String((error as { stderr?: string }).stderr || error)
      .trim()
      .split('\n')
    return { reason: `none on the PATH, and unpacking Debian's packages failed: ${firstLine}` }
  } finally {
    if (building !== undefined) rmSync(building, { recursive: true, force: true })
  }
}
