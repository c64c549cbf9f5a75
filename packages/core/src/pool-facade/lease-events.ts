import { serverError } from '../execution/server-error.ts'
import type { EventEmitter } from 'node:events'
import type { Connection } from '../pool/connection.ts'
import type { PgModule } from '../pool/pg-module.ts'
import type { Complaint } from './pending-transaction.ts'
import type { SessionObserver } from './session.ts'

/** What a lease asks of the pool that it came from. */
export interface LeaseOwner {
  /** True when settings of a connection may be reset to those of its start: nobody set any when it was opened. */
  mayResetSettings(): boolean
}

/** Events of the physical connection that the application may listen to on the lease. */
const forwarded: ReadonlySet<string | symbol> = new Set(['notice', 'notification', 'error', 'end'])

type Listener = (...args: unknown[]) => void

/** Lets an application hear on its lease what happens on the connection that is behind it at the moment. */
export class LeaseEvents implements SessionObserver {
  readonly #lease: EventEmitter
  readonly #pg: PgModule
  readonly #owner: LeaseOwner
  /** By event; undefined while nobody listens, which is the rule. */
  #forwarders: Map<string | symbol, Listener> | undefined

  constructor(lease: EventEmitter, pg: PgModule, owner: LeaseOwner) {
    this.#lease = lease
    this.#pg = pg
    this.#owner = owner
  }

  bound(connection: Connection): void {
    for (const event of this.#lease.eventNames()) this.forward(event, connection)
  }

  unbound(connection: Connection): void {
    if (this.#forwarders === undefined) return
    for (const [event, forward] of this.#forwarders) connection.client.removeListener(event, forward)
    this.#forwarders = undefined
  }

  /** The application listens to the event from now on. */
  forward(event: string | symbol, connection: Connection): void {
    if (!forwarded.has(event) || this.#forwarders?.has(event) === true) return
    const forward = (...args: unknown[]): void => {
      if (event !== 'error' || this.#lease.listenerCount('error') > 0) this.#lease.emit(event, ...args)
    }
    this.#forwarders ??= new Map()
    this.#forwarders.set(event, forward)
    connection.client.on(event as 'notice', forward)
  }

  /** A notice that the session gives in the server's stead. */
  noticed(complaint: Complaint): void {
    if (this.#lease.listenerCount('notice') === 0) return
    const { message, code } = serverError(this.#pg, complaint)
    this.#lease.emit('notice', { name: 'notice', length: message.length, severity: 'WARNING', code, message })
  }

  mayResetSettings(): boolean {
    return this.#owner.mayResetSettings()
  }
}
