import { isIP } from 'node:net'
import { cancelKey, connectTo, newConnection, requestSsl, sendCancel } from './client-internals.ts'
import type { Socket } from 'node:net'
import type pg from 'pg'
import type { PgModule } from './pg-module.ts'

/**
 * Asks the server to cancel what the client runs, over a connection of its own, as the protocol has it.
 *
 * It goes to the very address that the client is connected to, not to what the host name resolves to by now.
 * Resolves when the server has closed the cancel connection, which it does after it sent the signal, or after
 * `timeoutMs`; never rejects, because the answer to a cancel is what happens to the statement.
 */
export function cancelRunning(
  pg: PgModule,
  client: pg.Client,
  options: { readonly config: pg.ClientConfig; readonly timeoutMs: number },
): Promise<void> {
  const key = cancelKey(client)
  if (key === undefined) return Promise.resolve()
  const { ssl } = client
  const connection = newConnection(pg, {
    ssl: withServerName(ssl, client.host),
    sslNegotiation: options.config.sslnegotiation,
    stream: options.config.stream,
  })
  return new Promise((resolve) => {
    const deadline = setTimeout(() => connection.stream.destroy(), options.timeoutMs)
    const send = () => sendCancel(connection, key)
    connection.on('error', () => connection.stream.destroy())
    connection.on('end', () => {
      clearTimeout(deadline)
      resolve()
    })
    connection.on('connect', () => {
      if (!ssl) send()
      else if (options.config.sslnegotiation !== 'direct') requestSsl(connection)
    })
    connection.on('sslconnect', send)
    const { remoteAddress, remotePort } = client.connection.stream as Socket
    if (client.host.startsWith('/')) connectTo(connection, `${client.host}/.s.PGSQL.${client.port}`)
    else connectTo(connection, remotePort ?? client.port, remoteAddress ?? client.host)
  })
}

// The certificate names the host, while the cancel goes to its address.
function withServerName(ssl: unknown, host: string): unknown {
  if (!ssl || isIP(host) !== 0) return ssl
  if (typeof ssl !== 'object') return { servername: host }
  // `pg` hides the key from enumeration.
  return { ...ssl, ...('key' in ssl && { key: ssl.key }), servername: host }
}
