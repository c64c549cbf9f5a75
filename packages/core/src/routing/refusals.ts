import { StatementError, type ErrorCode } from '../errors.ts'
import type { Refusal, Statement } from '../statement/statement.ts'

/** Proofs that an explicit shard makes unnecessary: the caller takes that one server's answer. */
const waivedByShard: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNPROVED_READ',
  'UNPROVED_WRITE',
  'OPAQUE_FUNCTION',
  'UNKNOWN_TABLE',
  'UNSUPPORTED_SCATTER',
  'MULTI_STATEMENT',
  'TENANT_REQUIRED',
])

/** Proofs that a tenant context supplies: the caller says which shard the rows lie on. */
const waivedByTenant: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNPROVED_READ',
  'UNPROVED_WRITE',
  'OPAQUE_FUNCTION',
  'UNSUPPORTED_SCATTER',
  'TENANT_REQUIRED',
])

export function raise(refusal: Refusal): never {
  throw new StatementError(refusal.code, refusal.message, { details: { construct: refusal.construct } })
}

export function raiseUnlessWaived(
  refusal: Refusal | undefined,
  waivedBy: 'shard' | 'tenant' | undefined,
): void {
  if (refusal === undefined) return
  if (waivedBy === 'shard' && waivedByShard.has(refusal.code)) return
  if (waivedBy === 'tenant' && waivedByTenant.has(refusal.code)) return
  raise(refusal)
}

/** Statements of which nothing proves where they belong when there are several shards. */
export function refuseUnplaced(statement: Statement, shardCount: number): never {
  const way: Partial<Record<Statement['kind'], string>> = {
    ddl: 'Run it on every shard with router.eachShard((shard) => …).',
    maintenance: 'Run it on every shard with router.eachShard((shard) => …).',
    copy: "Run it in router.run({ shard }, …) for each shard with that shard's rows.",
    call: 'Its body is hidden from the router: run it in router.run({ shard }, …) or router.run({ tenant }, …).',
    prepared:
      'Let the driver prepare it (a query config with a name), or run it in router.run({ shard }, …).',
    lock: 'Run it in a transaction inside router.run({ shard }, …).',
    cursor: 'Declare it in a transaction that runs on one shard.',
  }
  const wayOut =
    statement.pins === 'temporary-table'
      ? 'What is temporary lives in one session of one shard: run it on a lease of pool.connect() in router.run({ shard }, …).'
      : (way[statement.kind] ?? 'Run it in router.run({ shard }, …).')
  throw new StatementError(
    'UNSUPPORTED_STATEMENT',
    `Nothing proves on which of the ${shardCount} shards this ${statement.kind} statement belongs. ${wayOut}`,
    { details: { kind: statement.kind } },
  )
}

/** The error PostgreSQL itself raises for text that does not parse, when no server may be asked. */
export function raiseSyntaxError(statement: Statement): never {
  const syntax = statement.syntaxError
  throw new StatementError(
    'STATEMENT_UNPARSABLE',
    syntax === undefined
      ? 'The statement cannot be parsed, and with several shards nothing may be sent that is not understood.'
      : syntax.message,
    {
      details: { sqlState: syntax?.sqlState, position: syntax?.position },
    },
  )
}
