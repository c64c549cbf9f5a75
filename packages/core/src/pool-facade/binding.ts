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

/** The connection that a session has at the moment, and the state that ties it there. */
export class Binding {
  readonly #observer: BindingObserver
  readonly #pins = new Set<Pin>()
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
    this.#pins.add(pin)
  }

  /** Session state that the statement leaves behind, also when it failed: it may have come that far. */
  pinBy({ pins, isSessionChanging }: Statement): void {
    if (isSessionChanging && pins !== undefined && pins !== 'sequence-value') this.#pins.add(pins)
  }

  unpin(pin: Pin | 'all'): void {
    if (pin === 'all') this.#pins.clear()
    else this.#pins.delete(pin)
  }

  /** Takes a connection of the first node that has one to give. */
  async lease(
    nodes: readonly NodePool[],
    { shard, signal }: { readonly shard: string; readonly signal: AbortSignal | undefined },
  ): Promise<Connection> {
    this.letGo()
    // Built only when it is raised: a stack trace costs more than the lease.
    let failure: { readonly error: unknown } | undefined
    for (const pool of nodes) {
      try {
        const connection = pool.tryLease() ?? (await pool.lease({ signal }))
        this.#pool = pool
        this.#connection = connection
        this.#observer.bound(connection)
        return connection
      } catch (error) {
        failure = { error }
        if (judge(error, pool.node.role === 'replica') === 'statement') break
      }
    }
    throw failure === undefined ? noNode(shard) : failure.error
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
