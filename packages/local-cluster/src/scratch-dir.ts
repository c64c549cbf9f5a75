import { mkdtempSync, readdirSync, readlinkSync, realpathSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { giveToServer, serverAccount, serverReaches } from './account.ts'
import { isAlive } from './processes.ts'
import { reapAbandoned, watchFolder } from './reaper.ts'

const prefix = 'shardline-'
const roomyBytes = 2 ** 30

/** A folder that goes away with this process, together with every process that works inside it. */
export interface ScratchDir {
  readonly path: string
  /** Ends the processes inside, removes the folder, and resolves when nothing is left. */
  remove(): Promise<void>
}

/**
 * The RAM disk when there is a roomy one (a container's has 64 MB): creating the thousand files
 * of a node is what start-up time is made of. Otherwise the temporary folder.
 */
function findParent(): string {
  try {
    const disk = statfsSync('/dev/shm')
    if (disk.bavail * disk.bsize > roomyBytes && serverReaches('/dev/shm')) return '/dev/shm'
  } catch {
    // no RAM disk: macOS, or a container without one
  }
  const temporary = realpathSync(tmpdir())
  return serverReaches(temporary) ? temporary : '/tmp'
}

/** Pids are only comparable within one pid namespace: containers may share a folder. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

/** Removes what dead runs of the same machine left, should even their reaper have been killed. */
function sweep(parent: string, namespace: string): void {
  const owners = new Set([process.getuid?.(), serverAccount.uid])
  for (const name of readdirSync(parent)) {
    const [, ns, pid] = /^shardline-(\d+)-(\d+)-\w{6}$/.exec(name) ?? []
    if (ns !== namespace || pid === undefined || isAlive(Number(pid))) continue
    const folder = join(parent, name)
    try {
      if (owners.has(statSync(folder).uid)) reapAbandoned(folder)
    } catch {
      // another run has just swept it
    }
  }
}

export function createScratchDir(): ScratchDir {
  const parent = findParent()
  const namespace = pidNamespace()
  sweep(parent, namespace)
  const path = mkdtempSync(join(parent, `${prefix}${namespace}-${process.pid}-`))
  giveToServer(path)
  const reaper = watchFolder(path)
  return { path, remove: () => reaper.reap() }
}
