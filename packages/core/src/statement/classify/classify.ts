import type {
  CopyStmt,
  DeclareCursorStmt,
  DropStmt,
  ExplainStmt,
  RangeVar,
  VariableSetStmt,
} from 'libpg-query'
import type { Catalog } from '../catalog.ts'
import type { Pin, RoleReason, StatementKind, TableUse, TransactionCommand } from '../statement.ts'
import {
  bodyAs,
  constantOf,
  qualifiedName,
  stringOf,
  tagOf,
  type Node,
  type NodeBody,
  type NodeTag,
  type Tagged,
} from '../tree.ts'
import type { Findings } from './findings.ts'
import { booleanOf, readSet, readTransaction } from './transaction-command.ts'
import { inspectStatement } from './views.ts'

/** What a statement is and where it may run, before anything is said about shards. */
export interface Classification extends Omit<Findings, 'reason' | 'planReason'> {
  readonly kind: StatementKind
  readonly reason: RoleReason
  readonly transaction: TransactionCommand | undefined
  readonly changesCatalog: boolean
}

const read: RoleReason = { rule: 'read' }

/** Classifies one parsed statement. What no rule knows needs the primary. */
export function classify(stmt: Node, catalog: Catalog): Classification {
  const tag = tagOf(stmt)
  const findings = inspectStatement(stmt, catalog)
  return classifyTagged(findings, catalog, ...([tag, bodyAs(stmt, tag)] as unknown as Tagged))
}

function classifyTagged(findings: Findings, catalog: Catalog, ...[tag, body]: Tagged): Classification {
  switch (tag) {
    case 'SelectStmt':
      return body.intoClause === undefined
        ? reading('select', findings)
        : creating(findings, { rule: 'select-into', subject: 'SELECT INTO' }, body.intoClause.rel)
    case 'InsertStmt':
      return writing('insert', findings)
    case 'UpdateStmt':
      return writing('update', findings)
    case 'DeleteStmt':
      return writing('delete', findings)
    case 'MergeStmt':
      return writing('merge', findings)
    case 'ExplainStmt':
      return explaining(body, findings, catalog)
    case 'CopyStmt':
      return copying(body, findings)
    case 'CallStmt':
    case 'DoStmt':
      return needing('call', findings, { rule: 'hidden-sql', subject: tag === 'DoStmt' ? 'DO' : 'CALL' })
    case 'TransactionStmt':
      return {
        ...needing('transaction', findings, { rule: 'transaction-command' }),
        transaction: readTransaction(body),
      }
    case 'VariableSetStmt':
      return setting(body, findings)
    case 'ConstraintsSetStmt':
      return {
        ...pinned('session', 'setting', false, 'SET CONSTRAINTS'),
        transaction: { command: 'set-local' },
      }
    case 'VariableShowStmt':
      return { ...needing('show', findings, { rule: 'per-server', subject: body.name ?? 'SHOW' }) }
    case 'DiscardStmt':
      return pinned('session', 'setting', true, 'DISCARD')
    case 'LoadStmt':
      return pinned('session', 'setting', true, 'LOAD')
    case 'ListenStmt':
      return pinned('notify', 'listen', true, 'LISTEN')
    case 'UnlistenStmt':
      return pinned('notify', 'listen', true, 'UNLISTEN')
    case 'NotifyStmt':
      return needing('notify', findings, { rule: 'refused-on-standby', subject: 'NOTIFY' })
    case 'PrepareStmt':
      // The parameters are those of the prepared statement, not of this one.
      return { ...pinned('prepared', 'prepared-statement', true, 'PREPARE'), tables: findings.tables }
    case 'ExecuteStmt':
      return {
        ...pinned('prepared', 'prepared-statement', true, 'EXECUTE'),
        parameterCount: findings.parameterCount,
      }
    case 'DeallocateStmt':
      return pinned('prepared', 'prepared-statement', true, 'DEALLOCATE')
    case 'DeclareCursorStmt':
      return declaring(body, findings)
    case 'FetchStmt':
      return pinned('cursor', 'cursor', false, body.ismove === true ? 'MOVE' : 'FETCH')
    case 'ClosePortalStmt':
      return pinned('cursor', 'cursor', false, 'CLOSE')
    case 'LockStmt':
      return needing('lock', findings, { rule: 'table-locks', subject: 'LOCK TABLE' })
    case 'CheckPointStmt':
    case 'VacuumStmt':
    case 'ClusterStmt':
    case 'ReindexStmt':
    case 'AlterSystemStmt':
      return needing('maintenance', findings, { rule: 'maintenance', subject: commandOf(tag, body) })
    case 'RefreshMatViewStmt':
      return needing('ddl', writes(findings), { rule: 'ddl', subject: 'REFRESH MATERIALIZED VIEW' })
    case 'CreateTableAsStmt':
      return creating(findings, { rule: 'ddl', subject: 'CREATE TABLE AS' }, body.into?.rel)
    case 'CreateStmt':
    case 'CompositeTypeStmt':
      return creating(writes(findings), { rule: 'ddl', subject: commandOf(tag, body) }, relationBelow(body))
    case 'ViewStmt':
      return creating(
        { ...findings, pins: undefined, isSessionChanging: false },
        { rule: 'ddl', subject: 'CREATE VIEW' },
        body.view,
      )
    case 'CreateSeqStmt':
      return creating(findings, { rule: 'ddl', subject: 'CREATE SEQUENCE' }, body.sequence)
    case 'DropStmt':
      return {
        ...needing('ddl', findings, { rule: 'ddl', subject: 'DROP' }),
        tables: droppedRelations(body),
        changesCatalog: true,
      }
    default:
      return {
        ...needing('ddl', writes(findings), { rule: 'ddl', subject: commandOf(tag, body) }),
        parameterCount: 0,
        changesCatalog: !withoutCatalogChange.has(tag),
      }
  }
}

/** DDL after which names still mean what they meant. */
const withoutCatalogChange: ReadonlySet<NodeTag> = new Set([
  'CommentStmt',
  'GrantStmt',
  'GrantRoleStmt',
  'SecLabelStmt',
  'TruncateStmt',
  'AlterDefaultPrivilegesStmt',
])

function needing(kind: StatementKind, findings: Findings, reason: RoleReason): Classification {
  return {
    kind,
    reason,
    pins: findings.pins,
    isSessionChanging: findings.isSessionChanging,
    isCacheable: false,
    isConstant: false,
    tables: findings.tables,
    transaction: undefined,
    parameterCount: findings.parameterCount,
    changesCatalog: false,
  }
}

function reading(kind: StatementKind, findings: Findings): Classification {
  const isRead = findings.reason === undefined
  return {
    ...needing(kind, findings, findings.reason ?? read),
    isCacheable: isRead && findings.isCacheable,
    isConstant: isRead && findings.isConstant,
  }
}

function writing(kind: StatementKind, findings: Findings): Classification {
  return needing(kind, findings, { rule: 'writes-rows', subject: kind.toUpperCase() })
}

function pinned(kind: StatementKind, pins: Pin, isSessionChanging: boolean, subject: string): Classification {
  return {
    ...needing(kind, nothingFound, { rule: 'session-state', subject }),
    pins,
    isSessionChanging,
  }
}

const nothingFound: Findings = {
  reason: undefined,
  planReason: undefined,
  pins: undefined,
  isSessionChanging: false,
  isCacheable: false,
  isConstant: false,
  tables: [],
  parameterCount: 0,
}

function creating(findings: Findings, reason: RoleReason, relation: RangeVar | undefined): Classification {
  const isTemporary = relation?.relpersistence === 't' || relation?.schemaname?.startsWith('pg_temp') === true
  const created = { ...needing('ddl', findings, reason), changesCatalog: !isTemporary }
  return isTemporary ? { ...created, pins: 'temporary-table', isSessionChanging: true } : created
}

function relationBelow(body: NodeBody): RangeVar | undefined {
  return (body as { relation?: RangeVar }).relation
}

/** DDL changes the relations that it names, and only writes down the expressions in it. */
function writes(findings: Findings): Findings {
  return {
    ...findings,
    pins: undefined,
    isSessionChanging: false,
    tables: findings.tables.map((table) => ({ ...table, access: 'write' })),
  }
}

const relationTypes: ReadonlySet<string> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SEQUENCE',
  'OBJECT_FOREIGN_TABLE',
])

function droppedRelations(statement: DropStmt): TableUse[] {
  if (!relationTypes.has(statement.removeType ?? '')) return []
  return (statement.objects ?? []).flatMap((object) => {
    const name = qualifiedName(bodyAs(object, 'List')?.items)
    return name === undefined ? [] : [{ ...name, access: 'write' as const }]
  })
}

function explaining(statement: ExplainStmt, findings: Findings, catalog: Catalog): Classification {
  const explained = statement.query === undefined ? undefined : classify(statement.query, catalog)
  const isPlain =
    explained !== undefined && ['select', 'insert', 'update', 'delete', 'merge'].includes(explained.kind)
  if (isPlain && !isAnalyzed(statement)) {
    // Only planned: no function of it that could write is called, but its tables must be readable.
    return {
      ...needing('explain', findings, findings.planReason ?? read),
      pins: undefined,
      isSessionChanging: false,
    }
  }
  const reason = explained?.reason ?? { rule: 'hidden-sql', subject: 'EXPLAIN' }
  return {
    ...needing('explain', findings, reason),
    pins: explained?.pins,
    isSessionChanging: explained?.isSessionChanging ?? false,
    changesCatalog: isAnalyzed(statement) && explained?.changesCatalog === true,
  }
}

/** The last ANALYZE option counts; a value that is no boolean is left to the server, as if it were true. */
function isAnalyzed(statement: ExplainStmt): boolean {
  let analyzed = false
  for (const option of statement.options ?? []) {
    const element = bodyAs(option, 'DefElem')
    if (element?.defname === 'analyze') analyzed = optionIsTrue(element.arg)
  }
  return analyzed
}

function optionIsTrue(argument: Node | undefined): boolean {
  if (argument === undefined) return true
  const text = stringOf(argument)
  if (text !== undefined) return !['false', 'off', '0'].includes(text.toLowerCase())
  const integer = bodyAs(argument, 'Integer')
  if (integer !== undefined) return (integer.ival ?? 0) !== 0
  const flag = bodyAs(argument, 'Boolean')
  if (flag !== undefined) return flag.boolval === true
  const constant = constantOf(argument)
  return constant === undefined || booleanOf(constant) !== false
}

function copying(statement: CopyStmt, findings: Findings): Classification {
  if (statement.is_program === true) {
    return needing('copy', findings, { rule: 'hidden-sql', subject: 'COPY … PROGRAM' })
  }
  if (statement.filename !== undefined) {
    return needing('copy', findings, { rule: 'per-server', subject: 'COPY with a file of the server' })
  }
  if (statement.is_from === true) {
    const tables = findings.tables.map((table) => ({ ...table, access: 'write' as const }))
    return { ...needing('copy', findings, { rule: 'writes-rows', subject: 'COPY FROM' }), tables }
  }
  const query = statement.query === undefined ? 'SelectStmt' : tagOf(statement.query)
  if (query !== 'SelectStmt')
    return needing('copy', findings, { rule: 'writes-rows', subject: 'COPY of a write' })
  return { ...reading('copy', findings), isCacheable: false, isConstant: false }
}

function setting(statement: VariableSetStmt, findings: Findings): Classification {
  const transaction = readSet(statement)
  const name = statement.name ?? 'ALL'
  if (transaction?.command === 'set-transaction') {
    return {
      ...needing('transaction', findings, { rule: 'transaction-command', subject: 'SET TRANSACTION' }),
      transaction,
    }
  }
  const isIdentity = name === 'role' || name === 'session_authorization'
  const changed = pinned(
    'session',
    isIdentity ? 'session-authorization' : 'setting',
    transaction?.command !== 'set-local',
    name,
  )
  return { ...changed, transaction }
}

/** CURSOR_OPT_HOLD of PostgreSQL's parsenodes.h: the cursor outlives the transaction. */
const cursorOptionHold = 0x20

function declaring(statement: DeclareCursorStmt, findings: Findings): Classification {
  const isHeld = ((statement.options ?? 0) & cursorOptionHold) !== 0
  return {
    ...pinned('cursor', 'cursor', isHeld, 'DECLARE'),
    tables: findings.tables,
    parameterCount: findings.parameterCount,
  }
}

/** `AlterTableStmt` → `ALTER TABLE`. */
function commandOf(tag: NodeTag, body: NodeBody): string {
  if (tag === 'VacuumStmt')
    return (body as { is_vacuumcmd?: boolean }).is_vacuumcmd === true ? 'VACUUM' : 'ANALYZE'
  if (tag === 'CheckPointStmt') return 'CHECKPOINT'
  if (tag === 'CreateStmt') return 'CREATE TABLE'
  if (tag === 'CompositeTypeStmt') return 'CREATE TYPE'
  return tag
    .replace(/Stmt$/, '')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
}
