import { isOutcomeUnknown } from '../../src/execution/failure.ts'
import { ShardlineError } from '../../src/errors.ts'
import { contextKey } from '../../src/pool-facade/request.ts'
import type { Router } from '../../src/router.ts'

/**
 * - `answered`: with the right answer; anything else is a wrong one and listed as such.
 * - `failed`: with an error that says that nothing happened.
 * - `unknown`: with an error that leaves open whether a write happened.
 */
export type Fate = 'answered' | 'failed' | 'unknown'

export interface Account {
  readonly kind: string
  readonly fate: Fate
  /** SQLSTATE, code of a ShardlineError or of the socket. */
  readonly code: string | undefined
  /** Rows that a write is about, which happen all or none. */
  readonly tokens: readonly string[]
  /** Its session has read what it had written. */
  readonly isReadBack?: boolean
}

export const loadSchema = `
  create table lasting (tenant_id bigint not null, id int not null, note text not null, primary key (tenant_id, id));
  -- No key: a write that was applied twice leaves two rows.
  create table ledger (tenant_id bigint not null, token text not null);
  create index on ledger (tenant_id, token);
`
export const idsPerTenant = 20
export const noteOf = (tenant: number, id: number): string => `${tenant}:${id}`

/** What errors may look like while servers are killed: PostgreSQL's own, a socket's, or ours. */
function codeOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (typeof code === 'string') return code
  // `pg` gives a connection that just ended no code.
  return typeof message === 'string' && message.startsWith('Connection terminated')
    ? 'TERMINATED'
    : `? ${String(message)}`
}

export const expectedCodes: ReadonlySet<string> = new Set(
  (
    '57P01 57P02 57P03 57014 40001 08006 53300 ECONNRESET ECONNREFUSED EPIPE TERMINATED ' +
    'NODE_UNREACHABLE CONNECT_TIMEOUT POOL_TIMEOUT NO_NODE_AVAILABLE OUTCOME_UNKNOWN'
  ).split(' '),
)

const isUnknown = (error: unknown): boolean =>
  isOutcomeUnknown(error) || (error instanceof ShardlineError && error.code === 'OUTCOME_UNKNOWN')

/** Callers that go on until they are told to stop, each one statement after the other, and an account of every one. */
export class AccountedLoad {
  readonly accounts: Account[] = []
  /** Answers that were not the statement's own. */
  readonly wrong: string[] = []
  readonly #router: Router
  readonly #tenants: readonly number[]
  readonly #random: () => number
  readonly #over = new AbortController()
  #callers: Promise<void>[] = []
  #count = 0

  constructor(router: Router, tenants: readonly number[], random: () => number) {
    this.#router = router
    this.#tenants = tenants
    this.#random = random
  }

  /** Half of the callers only read, and a quarter only write: the others wait for connections of their own most of the time. */
  start(callers: number): void {
    const draws = [() => this.#random() * 0.76, () => 0.8, () => this.#random() * 0.76, () => this.#random()]
    this.#callers = Array.from({ length: callers }, (_, index) =>
      this.#call(draws[index % 4] ?? this.#random),
    )
  }

  /** Resolves when every statement has come to its end. */
  async stop(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#callers)
  }

  async #call(next: () => number): Promise<void> {
    while (!this.#over.signal.aborted) {
      const draw = next()
      const account =
        draw < 0.6
          ? await this.#read()
          : draw < 0.68
            ? await this.#slowRead()
            : draw < 0.76
              ? await this.#scatter()
              : draw < 0.88
                ? await this.#write()
                : draw < 0.95
                  ? await this.#transaction()
                  : await this.#splitWrite()
      this.accounts.push(account)
      // Refusals come at once, and thousands of them prove no more than dozens.
      if (account.fate !== 'answered') await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  #pick(): { readonly n: number; readonly tenant: number; readonly id: number } {
    const tenant = this.#tenants[Math.floor(this.#random() * this.#tenants.length)] ?? 0
    return { n: ++this.#count, tenant, id: 1 + Math.floor(this.#random() * idsPerTenant) }
  }

  async #read(): Promise<Account> {
    const { n, tenant, id } = this.#pick()
    const text = 'select $1::int as n, note from lasting where tenant_id = $2 and id = $3'
    return this.#asked('read', text, [n, tenant, id], [{ n, note: noteOf(tenant, id) }])
  }

  /** Usually as quick as any, so that it shares, and now and then not. */
  async #slowRead(): Promise<Account> {
    const { n, tenant, id } = this.#pick()
    const text =
      'select $1::int as n, note, pg_sleep($4)::text as slept from lasting where tenant_id = $2 and id = $3'
    const seconds = this.#random() < 0.02 ? 0.12 : 0
    return this.#asked(
      'slow read',
      text,
      [n, tenant, id, seconds],
      [{ n, note: noteOf(tenant, id), slept: '' }],
    )
  }

  async #scatter(): Promise<Account> {
    const { n, id } = this.#pick()
    const text = 'select $1::int as n, tenant_id, note from lasting where id = $2 order by tenant_id'
    const rows = this.#tenants
      .toSorted((a, b) => a - b)
      .map((tenant) => ({ n, tenant_id: String(tenant), note: noteOf(tenant, id) }))
    return this.#asked('scatter', text, [n, id], rows)
  }

  async #asked(
    kind: string,
    text: string,
    values: unknown[],
    expected: unknown,
    consistency: 'session' | 'eventual' = 'eventual',
  ): Promise<Account> {
    try {
      const query = { text, values, [contextKey]: { consistency } }
      const { rows } = await this.#router.pool.query(query)
      const [got, wanted] = [JSON.stringify(rows), JSON.stringify(expected)]
      if (got !== wanted) this.wrong.push(`${kind}: ${got} instead of ${wanted}`)
      return { kind, fate: 'answered', code: undefined, tokens: [] }
    } catch (error) {
      return { kind, fate: 'failed', code: codeOf(error), tokens: [] }
    }
  }

  async #write(): Promise<Account> {
    const { n, tenant } = this.#pick()
    const token = `w${n}`
    const account = await this.#written('write', [token], async () => {
      const { rowCount } = await this.#router.pool.query('insert into ledger values ($1, $2)', [
        tenant,
        token,
      ])
      if (rowCount !== 1) this.wrong.push(`write: ${rowCount} rows`)
    })
    if (account.fate !== 'answered' || this.#random() < 0.5) return account
    // The consistency of sessions holds through all of it: whoever wrote reads it.
    const text = 'select count(*)::int as n from ledger where tenant_id = $1 and token = $2'
    const readBack = await this.#asked('read back', text, [tenant, token], [{ n: 1 }], 'session')
    this.accounts.push(readBack)
    return account
  }

  async #transaction(): Promise<Account> {
    const { n, tenant } = this.#pick()
    const tokens = [`t${n}`, `t${n}'`]
    let isCommitting = false
    const insert = 'insert into ledger values ($1, $2)'
    const account = await this.#written('transaction', tokens, async () => {
      const client = await this.#router.pool.connect()
      client.on('error', () => {})
      try {
        await client.query('begin')
        await client.query(insert, [tenant, tokens[0]])
        const { rows } = await client.query('select token from ledger where tenant_id = $1 and token = $2', [
          tenant,
          tokens[0],
        ])
        if (JSON.stringify(rows) !== JSON.stringify([{ token: tokens[0] }]))
          this.wrong.push('transaction: read')
        await client.query(insert, [tenant, tokens[1]])
        isCommitting = true
        const { command } = await client.query('commit')
        if (command !== 'COMMIT') this.wrong.push(`transaction: ${command}`)
        client.release()
      } catch (error) {
        client.release(true)
        throw error
      }
    })
    // Whatever broke off before the COMMIT has been rolled back.
    return account.fate === 'unknown' && !isCommitting ? { ...account, fate: 'failed' } : account
  }

  /** On all shards or on none. */
  async #splitWrite(): Promise<Account> {
    const { n } = this.#pick()
    const tokens = [`s${n}`, `s${n}'`]
    const [first, last] = [this.#tenants[0], this.#tenants.at(-1)]
    return this.#written('split write', tokens, async () => {
      const { rowCount } = await this.#router.pool.query('insert into ledger values ($1, $2), ($3, $4)', [
        first,
        tokens[0],
        last,
        tokens[1],
      ])
      if (rowCount !== 2) this.wrong.push(`split write: ${rowCount} rows`)
    })
  }

  async #written(kind: string, tokens: readonly string[], run: () => Promise<void>): Promise<Account> {
    try {
      await run()
      return { kind, fate: 'answered', code: undefined, tokens }
    } catch (error) {
      return { kind, fate: isUnknown(error) ? 'unknown' : 'failed', code: codeOf(error), tokens }
    }
  }
}
