import type { Socket } from 'node:net'
import { Wire, type Line } from './wire.ts'

/** A client's connection and ours to the server behind it, joined by one wire in each direction. */
export class Link {
  readonly #sockets: readonly [Socket, Socket]
  readonly #wires: readonly [Wire, Wire]
  readonly #line: Line
  #wasReset = false

  constructor(client: Socket, server: Socket, line: Line) {
    this.#sockets = [client, server]
    this.#wires = [new Wire(client, server, line), new Wire(server, client, line)]
    this.#line = line
    for (const socket of this.#sockets) {
      socket.on('error', () => {
        this.#wasReset = true
        this.wake()
      })
    }
  }

  /** Calls back when both sides are closed. */
  onceClosed(listener: () => void): void {
    for (const socket of this.#sockets) {
      socket.once('close', () => this.#sockets.every(({ closed }) => closed) && listener())
    }
  }

  /** To be called when the faults have changed. */
  wake(): void {
    // a reset passes to the other side at once, but not through a black hole, which hides that too
    if (this.#wasReset && this.#line.faults().mode !== 'blackhole') this.reset()
    for (const wire of this.#wires) wire.wake()
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
