import { judge } from '../execution/failure.ts'
import { noNode } from '../execution/single.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { Pin, Statement } from '../statement/statement.ts'

/** What a binding tells the lease that shows it to the application. */
export interface BindingObserver {
  bound(connection: Connection): void
  unbound(connection: Connection): void
  /** True when settings of a connection may be reset to those of its start: nobody set any when it was opened. */
  mayResetSettings(): boolean
}

export interface BindingOptions {
  readonly shard: string
  readonly signal: AbortSignal | undefined
}

export interface BindingOutcome {
  readonly bound: (connection: Connection) => void
  readonly failed: (error: unknown) => void
}

/** Most sessions are never tied, so nothing is made for them. */
const noPins: ReadonlySet<Pin> = new Set()

/** The connection that a session has at the moment, and the state that ties it there. */
export class Binding {
  readonly #observer: BindingObserver
  #pins: ReadonlySet<Pin> = noPins
  #connection: Connection | undefined
  #pool: NodePool | undefined
  #isLost = false

  constructor(observer: BindingObserver) {
    this.#observer = observer
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  get pool(): NodePool | undefined {
    return this.#pool
  }

  get pins(): ReadonlySet<Pin> {
    return this.#pins
  }

  /** True when nothing but this connection will do: it has an open transaction, or state of the session. */
  get isTied(): boolean {
    return (
      this.#pins.size > 0 || (this.#connection !== undefined && this.#connection.transactionStatus !== 'I')
    )
  }

  /** True once the connection died with what tied the session to it; also when it died idle. */
  get isLost(): boolean {
    if (this.#connection?.isBroken === true && this.isTied) this.#isLost = true
    return this.#isLost
  }

  /** The connection died under a statement that had begun a transaction, of which no answer tells. */
  lose(): void {
    this.#isLost = true
  }

  pin(pin: Pin): void {
    if (!this.#pins.has(pin)) this.#pins = new Set([...this.#pins, pin])
  }

  /** Session state that the statement leaves behind, also when it failed: it may have come that far. */
  pinBy({ pins, isSessionChanging }: Statement): void {
    if (isSessionChanging && pins !== undefined && pins !== 'sequence-value') this.pin(pins)
  }

  unpin(pin: Pin | 'all'): void {
    this.#pins = pin === 'all' ? noPins : new Set([...this.#pins].filter((each) => each !== pin))
  }

  /** Takes a connection of the first node that has one to give. */
  leased(nodes: readonly NodePool[], options: BindingOptions): Promise<Connection> {
    return new Promise((resolve, reject) => this.lease(nodes, options, { bound: resolve, failed: reject }))
  }

  /** As `leased`, without a promise: one of the functions is called, at once when there is an idle connection. */
  lease(nodes: readonly NodePool[], options: BindingOptions, outcome: BindingOutcome): void {
    this.letGo()
    const [pool] = nodes
    if (pool === undefined) {
      outcome.failed(noNode(options.shard))
      return
    }
    pool.leaseThen(
      options,
      (connection) => {
        this.#pool = pool
        this.#connection = connection
        this.#observer.bound(connection)
        outcome.bound(connection)
      },
      (error) => {
        const isFinal = nodes.length === 1 || judge(error, pool.node.role === 'replica') === 'statement'
        if (isFinal) outcome.failed(error)
        else this.lease(nodes.slice(1), options, outcome)
      },
    )
  }

  /** Gives a connection back that has nothing of the session on it; does nothing without one. */
  letGo(): void {
    const pool = this.#pool
    const connection = this.#unbind()
    if (connection !== undefined) pool?.release(connection)
  }

  /** Gives it back for good, cleaned of what the session left on it, or closes it. */
  end(error: unknown): void {
    const pool = this.#pool
    const connection = this.#unbind()
    if (connection === undefined || pool === undefined) return
    const cleaning = error ? undefined : this.#cleaning(connection)
    if (cleaning === undefined) {
      pool.release(connection, error || (this.#pins.size > 0 ? true : undefined))
      return
    }
    connection.run({ text: cleaning }, (failure) => pool.release(connection, failure))
  }

  #unbind(): Connection | undefined {
    const connection = this.#connection
    this.#connection = undefined
    this.#pool = undefined
    if (connection !== undefined) this.#observer.unbound(connection)
    return connection
  }

  /** The cheapest way to a connection without session state; undefined when only a new connection is clean. */
  #cleaning(connection: Connection): string | undefined {
    if (this.#pins.size === 0 || !connection.isReusable) return undefined
    const steps: string[] = []
    for (const pin of this.#pins) {
      if (pin === 'advisory-lock') steps.push('SELECT pg_catalog.pg_advisory_unlock_all()')
      else if (pin === 'cursor') steps.push('CLOSE ALL')
      else if (pin === 'setting' && this.#observer.mayResetSettings()) steps.push('RESET ALL')
      else return undefined
    }
    return steps.join(';')
  }
}
