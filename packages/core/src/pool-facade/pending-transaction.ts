import type { TransactionCommand, TransactionModes } from '../statement/statement.ts'

/** What PostgreSQL would say about a transaction command, found out without asking it. */
export interface Answer {
  /** Command tag of the result, when there is one. */
  readonly command: string
  readonly notice?: Complaint
  readonly error?: Complaint
}

export interface Complaint {
  readonly code: string
  readonly message: string
}

interface Held {
  readonly kind: 'mode' | 'setting' | 'local-setting' | 'savepoint'
  readonly text: string
  readonly name?: string
}

// Most leases never hold anything, so nothing is made for them.
const noHeld: readonly Held[] = []
const noModes: TransactionModes = {}
const noTexts: readonly string[] = []

type Status = 'idle' | 'open' | 'failed'

const abortedMessage = 'current transaction is aborted, commands ignored until end of transaction block'

/**
 * The transaction of a lease that has no server yet.
 *
 * BEGIN, SET and SAVEPOINT change nothing but themselves, so they are answered as `xact.c` and `guc.c` would answer
 * them, kept, and replayed in order on the server that the first routed statement chooses. Whatever PostgreSQL
 * would undo on ROLLBACK TO or keep on RELEASE is undone or kept in the list of held statements.
 */
export class PendingTransaction {
  #status: Status = 'idle'
  #held = noHeld
  #modes = noModes
  /** Characteristics that came from the block before by AND CHAIN. */
  #chained = noModes
  /** Settings of the session, made outside of transactions or committed. */
  #session = noTexts
  #hasRun = false

  get status(): Status {
    return this.#status
  }

  /** The characteristics asked for so far; what comes later wins. */
  get modes(): TransactionModes {
    return this.#modes
  }

  /** True when a setting waits for a server, so that no statement may run anywhere else before. */
  get hasSettings(): boolean {
    return (
      this.#session.length > 0 ||
      this.#held.some(({ kind }) => kind === 'setting' || kind === 'local-setting')
    )
  }

  get hasSessionSettings(): boolean {
    return this.#session.length > 0 || this.#held.some(({ kind }) => kind === 'setting')
  }

  /**
   * The session's settings, for the server that it binds to; each runs on its own, so that a later error does not
   * take it back.
   */
  takeSession(): readonly string[] {
    const session = this.#session
    this.#session = noTexts
    return session
  }

  /** The held statements of the open block, in order: from now on the server knows better. */
  takeBlock(): readonly string[] {
    if (this.#status === 'idle') return noTexts
    const block = this.#held.map(({ text }) => text)
    this.#endBlock()
    return block
  }

  clear(): void {
    this.#session = noTexts
    this.#endBlock()
  }

  #endBlock(): void {
    this.#status = 'idle'
    this.#held = noHeld
    this.#modes = noModes
    this.#chained = noModes
    this.#hasRun = false
  }

  /** An error that a server would have raised inside the block; without a block it aborts nothing. */
  fail(): void {
    if (this.#status === 'open') this.#status = 'failed'
  }

  /** A statement of the block was run elsewhere, because it could be: the characteristics are fixed from now on. */
  hasRunStatement(): void {
    this.#hasRun = true
  }

  /** SET and RESET of session settings. */
  set(text: string, command: 'SET' | 'RESET'): Answer {
    if (this.#status === 'failed') return this.#aborted()
    if (this.#status === 'open') this.#held = [...this.#held, { kind: 'setting', text }]
    else this.#session = [...this.#session, text]
    return { command }
  }

  /** RESET ALL and DISCARD ALL outside of a block: nothing reached a server yet. */
  forgetSettings(): void {
    this.#session = noTexts
  }

  /** `beginTag`: START TRANSACTION is told apart from BEGIN by its tag alone. */
  answer(statement: TransactionCommand, text: string, beginTag = 'BEGIN'): Answer {
    switch (statement.command) {
      case 'begin':
        return this.#begin(statement.modes, text, beginTag)
      case 'set-transaction':
        return this.#setTransaction(statement.modes, text)
      case 'set-session-characteristics':
        return this.set(text, 'SET')
      case 'set-local':
        return this.#inBlock('SET LOCAL', 'SET', 'notice', () => {
          this.#held = [...this.#held, { kind: 'local-setting', text }]
        })
      case 'savepoint':
        return this.#inBlock('SAVEPOINT', 'SAVEPOINT', 'error', () => {
          this.#held = [...this.#held, { kind: 'savepoint', text, name: statement.name }]
        })
      case 'release':
        return this.#release(statement.name)
      case 'rollback-to':
        return this.#rollbackTo(statement.name)
      case 'commit':
        return this.#end('COMMIT', statement.chain)
      case 'rollback':
        return this.#end('ROLLBACK', statement.chain)
      case 'prepare-transaction':
      case 'commit-prepared':
      case 'rollback-prepared':
        // Never answered here: these name something that only a server knows.
        throw new TypeError(`${statement.command} is not answered by a lease`)
    }
  }

  #begin(modes: TransactionModes, text: string, command: string): Answer {
    if (this.#status === 'failed') return this.#aborted()
    if (this.#status === 'open') {
      const notice = { code: '25001', message: 'there is already a transaction in progress' }
      const complaint = this.#judgeModes(modes)
      if (complaint !== undefined) return { ...this.#error(complaint.code, complaint.message), notice }
      const setting = modesText(modes)
      if (setting !== undefined) this.#hold(modes, `SET TRANSACTION ${setting}`)
      return { command, notice }
    }
    this.#status = 'open'
    this.#hold(modes, text)
    return { command }
  }

  #setTransaction(modes: TransactionModes, text: string): Answer {
    const complaint = this.#status === 'open' ? this.#judgeModes(modes) : undefined
    if (complaint !== undefined) return this.#error(complaint.code, complaint.message)
    return this.#inBlock('SET TRANSACTION', 'SET', 'notice', () => {
      this.#hold(modes, text)
    })
  }

  /** As check_transaction_isolation and check_transaction_read_only in variable.c judge a change inside a block. */
  #judgeModes(modes: TransactionModes): Complaint | undefined {
    const complain = (message: string): Complaint => ({ code: '25001', message })
    // The default is read committed here, or no statement would have run elsewhere.
    if (modes.isolation !== undefined && modes.isolation !== (this.#modes.isolation ?? 'read committed')) {
      if (this.#hasRun) return complain('SET TRANSACTION ISOLATION LEVEL must be called before any query')
      if (this.#held.some(({ kind }) => kind === 'savepoint')) {
        return complain('SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction')
      }
    }
    if (this.#hasRun && modes.isReadOnly === false && this.#modes.isReadOnly === true) {
      return complain('transaction read-write mode must be set before any query')
    }
    return undefined
  }

  #hold(modes: TransactionModes, text: string): void {
    this.#modes = { ...this.#modes, ...modes }
    this.#held = [...this.#held, { kind: 'mode', text }]
  }

  #release(name: string): Answer {
    if (this.#status === 'failed') return this.#aborted()
    if (this.#status === 'idle') return outsideBlock('RELEASE SAVEPOINT', 'RELEASE', 'error')
    const index = this.#savepoint(name)
    if (index === -1) return this.#unknownSavepoint(name)
    // The settings made since stay in force; only the marks go.
    this.#held = this.#held.filter(({ kind }, at) => at < index || kind !== 'savepoint')
    return { command: 'RELEASE' }
  }

  #rollbackTo(name: string): Answer {
    if (this.#status === 'idle') return outsideBlock('ROLLBACK TO SAVEPOINT', 'ROLLBACK', 'error')
    const index = this.#savepoint(name)
    if (index === -1) return this.#unknownSavepoint(name)
    this.#held = this.#held.slice(0, index + 1)
    this.#status = 'open'
    return { command: 'ROLLBACK' }
  }

  #savepoint(name: string): number {
    return this.#held.findLastIndex((held) => held.kind === 'savepoint' && held.name === name)
  }

  #unknownSavepoint(name: string): Answer {
    return this.#error('3B001', `savepoint "${name}" does not exist`)
  }

  #end(command: 'COMMIT' | 'ROLLBACK', isChained: boolean): Answer {
    if (this.#status === 'idle') {
      if (isChained) return outsideBlock(`${command} AND CHAIN`, command, 'error')
      return { command, notice: { code: '25P01', message: 'there is no transaction in progress' } }
    }
    const isCommitted = command === 'COMMIT' && this.#status === 'open'
    if (isCommitted) {
      const settings = this.#held.flatMap(({ kind, text }) => (kind === 'setting' ? text : noTexts))
      if (settings.length > 0) this.#session = [...this.#session, ...settings]
    }
    this.#hasRun = false
    if (isChained) {
      // The next transaction has the same characteristics, of which a snapshot is none. An error has already undone those
      // that BEGIN or SET made (AtEOXact_GUC), but not those that came by a chain (RestoreTransactionCharacteristics).
      this.#modes = this.#status === 'failed' ? this.#chained : { ...this.#modes, hasSnapshot: false }
      this.#chained = this.#modes
      const setting = modesText(this.#modes)
      // On a server, too, they have to come by a chain.
      this.#held =
        setting === undefined
          ? [{ kind: 'mode', text: 'BEGIN' }]
          : [`BEGIN ${setting}`, 'COMMIT AND CHAIN'].map((text) => ({ kind: 'mode', text }))
      this.#status = 'open'
    } else this.#endBlock()
    return { command: isCommitted ? 'COMMIT' : 'ROLLBACK' }
  }

  #inBlock(name: string, command: string, otherwise: 'notice' | 'error', act: () => void): Answer {
    if (this.#status === 'failed') return this.#aborted()
    if (this.#status === 'idle') return outsideBlock(name, command, otherwise)
    act()
    return { command }
  }

  #error(code: string, message: string): Answer {
    this.#status = 'failed'
    return { command: '', error: { code, message } }
  }

  #aborted(): Answer {
    return { command: '', error: abortedTransaction }
  }
}

/** What every statement but the end of the block gets after an error. */
export const abortedTransaction: Complaint = { code: '25P02', message: abortedMessage }

function outsideBlock(name: string, command: string, otherwise: 'notice' | 'error'): Answer {
  const complaint = { code: '25P01', message: `${name} can only be used in transaction blocks` }
  return otherwise === 'error' ? { command: '', error: complaint } : { command, notice: complaint }
}

function modesText(modes: TransactionModes): string | undefined {
  const parts: string[] = []
  if (modes.isolation !== undefined) parts.push(`ISOLATION LEVEL ${modes.isolation.toUpperCase()}`)
  if (modes.isReadOnly !== undefined) parts.push(modes.isReadOnly ? 'READ ONLY' : 'READ WRITE')
  if (modes.isDeferrable !== undefined) parts.push(modes.isDeferrable ? 'DEFERRABLE' : 'NOT DEFERRABLE')
  return parts.length === 0 ? undefined : parts.join(', ')
}
