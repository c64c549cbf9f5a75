import { connect, createServer, type Server, type Socket } from 'node:net'
import { LocalClusterError } from './errors.ts'
import { noFaults, type Faults } from './faults.ts'
import { Link } from './link.ts'
import { freePort } from './ports.ts'

/** Where a proxy leads. */
export interface ProxyTarget {
  readonly host?: string
  readonly port: number
}

/** A TCP proxy with faults, in this process: no root, any OS, one per node. */
export class ChaosProxy {
  readonly #target: Required<ProxyTarget>
  readonly #random: () => number
  readonly #links = new Set<Link>()
  #faults: Faults = noFaults
  #server: Server | undefined
  #port: number | undefined

  constructor(target: ProxyTarget, random: () => number = Math.random) {
    this.#target = { host: target.host ?? '127.0.0.1', port: target.port }
    this.#random = random
  }

  /** Chosen by `start`, then kept. */
  get port(): number {
    if (this.#port === undefined)
      throw new LocalClusterError('NOT_RUNNING', 'The proxy has not been started.')
    return this.#port
  }

  /** The node's connection string, through this proxy. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  get faults(): Faults {
    return this.#faults
  }

  /** How many client connections are open through this proxy. */
  get connectionCount(): number {
    return this.#links.size
  }

  async start(): Promise<this> {
    while (this.#port === undefined) {
      const port = await freePort()
      if (await this.#listen(port)) this.#port = port
    }
    return this
  }

  /** Changes the faults named, for open and new connections. Resolves when they hold. */
  async set(change: Partial<Faults>): Promise<void> {
    this.#faults = { ...this.#faults, ...change }
    const { mode } = this.#faults
    if (this.#port === undefined) return // holds from the start on
    if (mode === 'refuse') await this.#closeServer()
    else if (this.#server === undefined && !(await this.#listen(this.port))) {
      throw new LocalClusterError(
        'START_FAILED',
        `Port ${this.port} of the proxy was taken while it refused connections.`,
      )
    }
    for (const link of this.#links) {
      if (mode === 'reset') link.reset()
      else link.wake()
    }
  }

  /** Back to a healthy network. */
  async heal(): Promise<void> {
    await this.set(noFaults)
  }

  /** Cuts all connections and stops listening. */
  async stop(): Promise<void> {
    for (const link of this.#links) link.destroy()
    await this.#closeServer()
  }

  #listen(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client))
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => {
        server.unref()
        this.#server = server
        resolve(true)
      })
    })
  }

  // does not wait for the open connections: 'refuse' leaves them alone
  async #closeServer(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    await new Promise((resolve) => setImmediate(resolve))
  }

  #accept(client: Socket): void {
    if (this.#faults.mode === 'reset') {
      client.on('error', () => undefined)
      client.resetAndDestroy()
      return
    }
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    const link = new Link(client, server, { faults: () => this.#faults, random: this.#random })
    this.#links.add(link)
    link.onceClosed(() => this.#links.delete(link))
  }
}

/** Starts a proxy before a node. */
export function proxy(target: ProxyTarget): Promise<ChaosProxy> {
  return new ChaosProxy(target).start()
}
