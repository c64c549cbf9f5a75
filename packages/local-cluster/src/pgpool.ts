import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPooler, toLines, type Pooler } from './pooler.ts'
import { freePort } from './ports.ts'
import type { Settings } from './settings.ts'

const debian = {
  title: 'pgpool-II',
  name: 'pgpool',
  packages: ['pgpool2'],
  libraries:
    /^(libpgpool2|libmemcached11|libhashkit2|libldap-?2(\.\d)?-?0?|libpq5|libssl3|libpam0g|libsasl2-2)(t64)?$/,
  path: 'usr/sbin/pgpool',
}

/**
 * A real pgpool-II on a free port before a primary and its replicas: streaming replication, reads balanced over all of
 * them. `settings` are those of pgpool.conf, and win. It comes from the PATH or from Debian's packages; undefined
 * where there is none (in CI: an error).
 * @throws LocalClusterError POOLER_MISSING, START_FAILED
 */
export async function startPgpool(
  nodes: readonly { readonly url: string }[],
  settings: Settings = {},
): Promise<Pooler | undefined> {
  const urls = nodes.map((node) => new URL(node.url))
  const target = urls[0]
  if (target === undefined) throw new TypeError('pgpool-II needs a primary')
  const controlPort = await freePort()
  return startPooler({
    ...debian,
    target,
    configure(dir, port) {
      const backends = urls.map((url, index) => [
        [`backend_hostname${index}`, url.hostname],
        [`backend_port${index}`, url.port],
        [`backend_weight${index}`, 1],
        [`backend_flag${index}`, 'DISALLOW_TO_FAILOVER'],
      ])
      const user = target.username
      const own: Settings = {
        listen_addresses: '127.0.0.1',
        port,
        socket_dir: dir,
        pcp_listen_addresses: '',
        pcp_port: controlPort,
        pcp_socket_dir: dir,
        pid_file_name: join(dir, 'pgpool.pid'),
        logdir: dir,
        pool_passwd: '',
        backend_clustering_mode: 'streaming_replication',
        load_balance_mode: 'on',
        num_init_children: 32,
        sr_check_user: user,
        sr_check_database: target.pathname.slice(1),
        health_check_period: 0,
        ...(Object.fromEntries(backends.flat()) as Settings),
      }
      const file = join(dir, 'pgpool.conf')
      writeFileSync(file, toLines({ ...own, ...settings }, "'"))
      // -n: stays in the foreground, where its end is seen.
      return ['-n', '-f', file]
    },
  })
}
