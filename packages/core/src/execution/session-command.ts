import { StatementError } from '../errors.ts'
import { parse } from '../statement/parser.ts'
import { bodyAs, stringOf, walk } from '../statement/tree.ts'
import type { Node } from '../statement/tree.ts'
import type { Statement } from '../statement/statement.ts'

/** What a command does to the state of its session, beyond what the classification says about routing. */
export type SessionCommand =
  /** SET or RESET of one setting: can be repeated on another server. */
  | { readonly command: 'set'; readonly tag: 'SET' | 'RESET' }
  | { readonly command: 'reset-all' }
  | { readonly command: 'discard-all' }
  | { readonly command: 'unlisten-all' }
  | { readonly command: 'other' }

const other: SessionCommand = { command: 'other' }

const commands = new WeakMap<Statement, SessionCommand>()

/** What the statement does to its session; anything that is no SET, RESET, DISCARD or UNLISTEN is `other`. */
export function sessionCommand(statement: Statement): SessionCommand {
  let command = commands.get(statement)
  if (command === undefined) commands.set(statement, (command = readCommand(statement.text)))
  return command
}

function readCommand(text: string): SessionCommand {
  const { stmts } = parse(text)
  const stmt = stmts[0]?.stmt
  if (stmt === undefined || stmts.length > 1) return other
  const setting = bodyAs(stmt, 'VariableSetStmt')
  if (setting !== undefined) {
    if (setting.kind === 'VAR_RESET_ALL') return { command: 'reset-all' }
    return { command: 'set', tag: setting.kind === 'VAR_RESET' ? 'RESET' : 'SET' }
  }
  if (bodyAs(stmt, 'DiscardStmt')?.target === 'DISCARD_ALL') return { command: 'discard-all' }
  const unlisten = bodyAs(stmt, 'UnlistenStmt')
  return unlisten !== undefined && unlisten.conditionname === undefined ? { command: 'unlisten-all' } : other
}

const beginTags = new WeakMap<Statement, string>()

/** The command tag of a statement that begins a transaction; parsed once per plan. */
export function beginTag(statement: Statement): string {
  if (statement.transaction?.command !== 'begin') return 'BEGIN'
  let tag = beginTags.get(statement)
  if (tag === undefined) {
    const stmt = parse(statement.text).stmts[0]?.stmt
    tag = bodyAs(stmt, 'TransactionStmt')?.kind === 'TRANS_STMT_START' ? 'START TRANSACTION' : 'BEGIN'
    beginTags.set(statement, tag)
  }
  return tag
}

/** Settings that decide what a name or a literal in a text means, and with it on which shard rows are looked for. */
const meaningSettings: ReadonlySet<string> = new Set([
  'search_path',
  'standard_conforming_strings',
  'backslash_quote',
  'timezone',
  'role',
  'session_authorization',
  'transform_null_equals',
])

const harmless = new WeakSet<Statement>()

/**
 * Refuses to change, on one session, what all routing proofs rest on. `set_config` with a name that is no constant
 * could be any of them.
 */
export function refuseMeaningSettings(statement: Statement): void {
  if (harmless.has(statement)) return
  for (const { stmt } of parse(statement.text).stmts) {
    walk(stmt, (tag, body) => {
      if (tag === 'VariableSetStmt' && body.name !== undefined) refuse(body.name)
      if (tag === 'FuncCall' && stringOf(body.funcname?.at(-1)) === 'set_config') {
        refuse(constantText(body.args?.[0]) ?? 'set_config with a computed name')
      }
    })
  }
  harmless.add(statement)
}

function constantText(node: Node | undefined): string | undefined {
  return bodyAs(node, 'A_Const')?.sval?.sval
}

function refuse(setting: string): void {
  const name = setting.toLowerCase()
  if (!meaningSettings.has(name) && !name.includes('computed')) return
  throw new StatementError(
    'SESSION_STATE',
    `Changing ${setting} on one session would change what its statements mean, and with several shards routing rests on that. Set it for all connections in the cluster configuration (options: '-c …'), and qualify names instead of changing search_path.`,
    { details: { setting: name } },
  )
}
