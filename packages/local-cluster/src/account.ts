import { execFileSync } from 'node:child_process'
import { chownSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

interface Account {
  readonly uid: number
  readonly gid: number
}

/**
 * Who the servers run as. PostgreSQL refuses root, and initdb refuses a uid without a passwd entry,
 * so root hands everything to `nobody`; anybody else runs them as themselves.
 */
function findServerAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (process.platform === 'linux') return { uid: 65_534, gid: 65_534 }
  const ask = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: ask('-u'), gid: ask('-g') }
}

/** Spread into the options of `spawn`: empty unless this process is root. */
export const serverAccount: Partial<Account> = findServerAccount() ?? {}

/** Makes the server's account the owner, when that is somebody else than us. */
export function giveToServer(...paths: string[]): void {
  const { uid, gid } = serverAccount
  if (uid === undefined || gid === undefined) return
  for (const path of paths) chownSync(path, uid, gid)
}

/** Whether the server's account can walk to a folder: not below /root, for example, when it is `nobody`. */
export function serverReaches(folder: string): boolean {
  if (serverAccount.uid === undefined) return true
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 1) === 0) return false
    if (at === dirname(at)) return true
  }
}
