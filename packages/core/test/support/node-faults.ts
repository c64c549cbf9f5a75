import { setTimeout as delay } from 'node:timers/promises'
import type { PgNode } from '@shardline/local-cluster'

/** How long a fault lasts that has to be ended, milliseconds: well above what lets reads go elsewhere. */
const lastingMs = 300

/** Connections of the application on a server, in no order. */
async function backends(node: PgNode, application: string): Promise<number[]> {
  const rows = await node.sql<{ pid: number }>(
    'select pid from pg_stat_activity where application_name = $1 order by random()',
    [application],
  )
  return rows.map(({ pid }) => pid)
}

export interface Victim {
  readonly primary: PgNode
  readonly replica: PgNode
  /** One of the two. */
  readonly node: PgNode
  /** `application_name` of the connections to strike. */
  readonly application: string
}

/** Each resolves when the fault is over, and everything is up again. */
export const nodeFaults: Readonly<Record<string, (victim: Victim) => Promise<void>>> = {
  async 'a connection is terminated'({ node, application }) {
    const [pid] = await backends(node, application)
    if (pid !== undefined) await node.sql('select pg_terminate_backend($1)', [pid])
  },

  async 'all connections are terminated'({ node, application }) {
    for (const pid of await backends(node, application))
      await node.sql('select pg_terminate_backend($1)', [pid])
  },

  async 'statements are cancelled'({ node, application }) {
    for (const pid of await backends(node, application)) await node.sql('select pg_cancel_backend($1)', [pid])
  },

  async 'a server process stands still'({ node, application }) {
    const [pid] = await backends(node, application)
    if (pid === undefined) return
    try {
      process.kill(pid, 'SIGSTOP')
      await delay(lastingMs)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  },

  async 'a server stands still'({ node }) {
    node.pause()
    try {
      await delay(lastingMs)
    } finally {
      node.continue()
    }
  },

  async 'a replica is killed'({ replica }) {
    await replica.kill()
    await replica.start()
  },

  async 'a primary is killed'({ primary }) {
    await primary.kill()
    await primary.start()
  },

  async 'connections are reset on the way'({ node }) {
    await node.proxy?.set({ mode: 'reset' })
    await node.proxy?.heal()
  },

  async 'nothing arrives for a while'({ node }) {
    await node.proxy?.set({ mode: 'blackhole' })
    await delay(lastingMs)
    await node.proxy?.heal()
  },
}
