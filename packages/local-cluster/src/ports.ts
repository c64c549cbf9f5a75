import { createServer } from 'node:net'

// Below the range from which Linux (32768…) and macOS (49152…) take the ports of outgoing connections:
// a server that is stopped finds its own port free again when it comes back.
const lowest = 15_000
const highest = 32_000
const taken = new Set<number>()

/** Whether one can listen on a port of this machine right now. */
function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * A port that is free now and was not handed out by this process before. Another process may still
 * be faster: whoever listens must be ready to ask again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (taken.has(port)) continue
    taken.add(port)
    if (await canListen(port)) return port
  }
}
