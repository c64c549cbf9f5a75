import { StatementError } from '../errors.ts'
import type { Hints, Role, Statement } from '../statement/statement.ts'
import type { Consistency, RouteContext } from './context.ts'

/** The caller's context with the statement's own hints laid over it: what is nearer to the statement wins. */
export interface EffectiveContext {
  readonly role: Role
  readonly consistency: Consistency
  readonly shard: string | undefined
  readonly tenant: string | number | bigint | undefined
  readonly workload: string | undefined
  readonly isHinted: boolean
}

export function effectiveContext(
  statement: Statement,
  context: RouteContext | undefined,
  defaultConsistency: Consistency,
): EffectiveContext {
  const hints: Hints = statement.hints
  const shard = hints.shard ?? context?.shard
  const tenant = hints.tenant ?? context?.tenant
  if (hints.shard !== undefined && context?.shard !== undefined && hints.shard !== context.shard) {
    throw new StatementError(
      'CONTEXT_CONFLICT',
      `The hint asks for shard "${hints.shard}", but the statement runs in a context pinned to shard "${context.shard}". Remove one of the two.`,
    )
  }
  if (
    hints.tenant !== undefined &&
    context?.tenant !== undefined &&
    hints.tenant !== String(context.tenant)
  ) {
    throw new StatementError(
      'TENANT_CONTRADICTED',
      'The hint names another tenant than the context the statement runs in. Run it in the context of its own tenant.',
    )
  }
  const wished = hints.role ?? context?.role
  const consistency = hints.consistency ?? context?.consistency ?? defaultConsistency
  return {
    role:
      statement.role === 'primary' || wished === 'primary' || consistency === 'strong'
        ? 'primary'
        : 'replica',
    consistency,
    shard,
    tenant,
    workload: hints.workload ?? context?.workload,
    isHinted: hints.shard !== undefined || hints.tenant !== undefined,
  }
}

/** A write cannot be forced onto a replica; saying so early beats the server's 25006. */
export function refuseWriteOnReplica(statement: Statement, context: RouteContext | undefined): void {
  const wished = statement.hints.role ?? context?.role
  if (wished === 'replica' && statement.role === 'primary') {
    throw new StatementError(
      'CONTEXT_CONFLICT',
      `The context asks for a replica, but this ${statement.kind} statement needs the primary (${statement.reason.rule}${
        statement.reason.subject === undefined ? '' : `: ${statement.reason.subject}`
      }). Run it outside the context with role "replica".`,
      { details: { kind: statement.kind, rule: statement.reason.rule } },
    )
  }
}
