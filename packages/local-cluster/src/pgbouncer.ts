import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serverAccount } from './account.ts'
import { startPooler, toLines, type Pooler } from './pooler.ts'
import type { Settings } from './settings.ts'

const debian = {
  title: 'PgBouncer',
  name: 'pgbouncer',
  packages: ['pgbouncer'],
  libraries: /^(libc-ares2|libcares2|libevent-2\.1-7|libssl3|libsystemd0|libpam0g)(t64)?$/,
  path: 'usr/sbin/pgbouncer',
}

/**
 * A real PgBouncer on a free port before one node, in transaction pooling unless `settings` (of the section
 * `[pgbouncer]`) say otherwise: `{ pool_mode: 'statement', default_pool_size: 4 }`. It comes from the PATH or from Debian's
 * packages; undefined where there is none (in CI: an error).
 *
 * @example
 * const pooler = await startPgBouncer(cluster.shards[0].primary)
 * const pool = new pg.Pool({ connectionString: pooler.url })
 *
 * @throws LocalClusterError POOLER_MISSING, START_FAILED
 */
export async function startPgBouncer(
  node: { readonly url: string },
  settings: Settings = {},
): Promise<Pooler | undefined> {
  const target = new URL(node.url)
  return startPooler({
    ...debian,
    target,
    configure(dir, port) {
      const users = join(dir, 'users.txt')
      const file = join(dir, 'pgbouncer.ini')
      writeFileSync(users, `"${target.username}" ""\n`)
      const own: Settings = {
        listen_addr: '127.0.0.1',
        listen_port: port,
        unix_socket_dir: '',
        auth_type: 'trust',
        auth_file: users,
        pool_mode: 'transaction',
        default_pool_size: 10,
        max_client_conn: 1000,
        log_connections: 0,
        log_disconnections: 0,
      }
      writeFileSync(
        file,
        `[databases]\n* = host=${target.hostname} port=${target.port}\n[pgbouncer]\n${toLines({ ...own, ...settings })}`,
      )
      // It refuses to stay root, and changes into another user by itself.
      return serverAccount.uid === undefined ? [file] : ['-u', 'nobody', file]
    },
  })
}
