import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** `BackendKeyData` with its length: process number and secret follow, four bytes each. */
const keyMessage = Buffer.from([0x4b, 0, 0, 0, 12])

export interface Disguise {
  readonly url: string
  stop(): Promise<void>
}

/** A way to the server of the URL on which every greeting has a number that could be a process's. */
export async function disguise(url: string): Promise<Disguise> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname)
    let isGreeting = true
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (client.destroy(), server.destroy()))
    }
    client.pipe(server)
    server.on('data', (bytes) => {
      const at = isGreeting ? bytes.indexOf(keyMessage) : -1
      if (at >= 0) {
        isGreeting = false
        bytes.writeInt32BE(12_345, at + keyMessage.length)
      }
      client.write(bytes)
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const disguised = new URL(url)
  disguised.port = String((proxy.address() as AddressInfo).port)
  return {
    url: disguised.href,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
