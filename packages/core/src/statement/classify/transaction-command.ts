import type { TransactionStmt, VariableSetStmt } from 'libpg-query'
import type { TransactionCommand, TransactionModes } from '../statement.ts'
import { bodyAs, constantOf, type Constant, type Node } from '../tree.ts'

type Isolation = NonNullable<TransactionModes['isolation']>

const isolations: ReadonlySet<string> = new Set([
  'read uncommitted',
  'read committed',
  'repeatable read',
  'serializable',
])

/** What BEGIN, COMMIT, SAVEPOINT and their kin do. */
export function readTransaction(statement: TransactionStmt): TransactionCommand | undefined {
  const { kind, chain = false, savepoint_name: name = '', gid = '' } = statement
  switch (kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return { command: 'begin', modes: readModes(statement.options) }
    case 'TRANS_STMT_COMMIT':
      return { command: 'commit', chain }
    case 'TRANS_STMT_ROLLBACK':
      return { command: 'rollback', chain }
    case 'TRANS_STMT_SAVEPOINT':
      return { command: 'savepoint', name }
    case 'TRANS_STMT_RELEASE':
      return { command: 'release', name }
    case 'TRANS_STMT_ROLLBACK_TO':
      return { command: 'rollback-to', name }
    case 'TRANS_STMT_PREPARE':
      return { command: 'prepare-transaction', gid }
    case 'TRANS_STMT_COMMIT_PREPARED':
      return { command: 'commit-prepared', gid }
    case 'TRANS_STMT_ROLLBACK_PREPARED':
      return { command: 'rollback-prepared', gid }
    default:
      return undefined
  }
}

/** What a SET does to the transaction; undefined for one that changes the session. */
export function readSet(statement: VariableSetStmt): TransactionCommand | undefined {
  switch (statement.name) {
    case 'TRANSACTION':
      return { command: 'set-transaction', modes: readModes(statement.args) }
    case 'SESSION CHARACTERISTICS':
      return { command: 'set-session-characteristics', modes: readModes(statement.args) }
    case 'TRANSACTION SNAPSHOT':
      return { command: 'set-transaction', modes: { hasSnapshot: true } }
    case 'transaction_isolation':
    case 'transaction_read_only':
    case 'transaction_deferrable': {
      // These settings last for the transaction, however they are spelled.
      const value = statement.kind === 'VAR_SET_VALUE' ? constantOf(statement.args?.[0]) : undefined
      const modes = value === undefined ? undefined : readMode(statement.name, value)
      return modes === undefined ? { command: 'set-local' } : { command: 'set-transaction', modes }
    }
    default:
      return statement.is_local === true ? { command: 'set-local' } : undefined
  }
}

function readModes(options: readonly Node[] | undefined): TransactionModes {
  let modes: TransactionModes = {}
  for (const option of options ?? []) {
    const element = bodyAs(option, 'DefElem')
    const value = constantOf(element?.arg)
    if (element?.defname === undefined || value === undefined) continue
    modes = { ...modes, ...readMode(element.defname, value) }
  }
  return modes
}

function readMode(name: string, value: Constant): TransactionModes | undefined {
  if (name === 'transaction_isolation') {
    const level = value.kind === 'string' ? value.text.toLowerCase() : ''
    return isolations.has(level) ? { isolation: level as Isolation } : undefined
  }
  const flag = booleanOf(value)
  if (flag === undefined) return undefined
  return name === 'transaction_read_only' ? { isReadOnly: flag } : { isDeferrable: flag }
}

/** A setting's boolean as PostgreSQL reads it: any unambiguous beginning of true, false, yes, no, on, off. */
export function booleanOf(value: Constant): boolean | undefined {
  if (value.kind === 'boolean') return value.value
  if (value.kind === 'integer') return value.value === 1 ? true : value.value === 0 ? false : undefined
  if (value.kind !== 'string') return undefined
  const text = value.text.trim().toLowerCase()
  if (text === '1' || text === 'on') return true
  if (text === '0' || text === 'of' || text === 'off') return false
  if (text === '' || text === 'o') return undefined
  if ('true'.startsWith(text) || 'yes'.startsWith(text)) return true
  return 'false'.startsWith(text) || 'no'.startsWith(text) ? false : undefined
}
