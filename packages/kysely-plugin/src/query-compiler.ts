import {
  PostgresQueryCompiler,
  type CompiledQuery,
  type DeleteQueryNode,
  type InsertQueryNode,
  type MergeQueryNode,
  type OperationNode,
  type QueryId,
  type RawNode,
  type RootOperationNode,
  type SelectQueryNode,
  type UpdateQueryNode,
} from 'kysely'
import type { RouteContext } from '@shardline/core'
import { combineHints, setHint } from './hints.ts'
import { dialectMissing, readMark, type Mark } from './mark.ts'

interface Modified extends OperationNode {
  readonly endModifiers?: readonly OperationNode[] | undefined
}

/** Kysely's compiler for PostgreSQL, which also takes out the marks of Shardline's plugins and keeps their hints. */
export class ShardlineQueryCompiler extends PostgresQueryCompiler {
  readonly #router: object
  #hint: RouteContext | undefined

  constructor(router: object) {
    super()
    this.#router = router
  }

  override compileQuery(node: RootOperationNode, queryId: QueryId): CompiledQuery {
    this.#hint = undefined
    // The root is cleaned before and not while it is visited, because the compiled query keeps it.
    const compiled = super.compileQuery(this.#withoutMarks(node), queryId)
    if (this.#hint !== undefined) setHint(compiled, this.#hint)
    return compiled
  }

  protected override visitSelectQuery(node: SelectQueryNode): void {
    super.visitSelectQuery(this.#withoutMarks(node))
  }

  protected override visitInsertQuery(node: InsertQueryNode): void {
    super.visitInsertQuery(this.#withoutMarks(node))
  }

  protected override visitUpdateQuery(node: UpdateQueryNode): void {
    super.visitUpdateQuery(this.#withoutMarks(node))
  }

  protected override visitDeleteQuery(node: DeleteQueryNode): void {
    super.visitDeleteQuery(this.#withoutMarks(node))
  }

  protected override visitMergeQuery(node: MergeQueryNode): void {
    super.visitMergeQuery(this.#withoutMarks(node))
  }

  protected override visitRaw(node: RawNode): void {
    const mark = readMark(node)
    if (mark === undefined) return super.visitRaw(node)
    this.#take([mark])
    const marked = node.parameters[0]
    if (marked !== undefined) this.visitNode(marked)
  }

  #withoutMarks<T extends Modified>(node: T): T
  #withoutMarks(node: RootOperationNode): RootOperationNode
  #withoutMarks(node: Modified): Modified {
    const modifiers = node.endModifiers
    if (modifiers === undefined || modifiers.length === 0) return node
    const marks: Mark[] = []
    const kept: OperationNode[] = []
    for (const modifier of modifiers) {
      const mark = readMark(modifier)
      if (mark === undefined) kept.push(modifier)
      else marks.push(mark)
    }
    if (marks.length === 0) return node
    this.#take(marks)
    // Deleting the key from a copy would make it a slow object for all who read it.
    return { ...node, endModifiers: kept.length === 0 ? undefined : kept }
  }

  /** Of several hints on one query the last one given wins, as the plugin nearest to the query. */
  #take(marks: readonly Mark[]): void {
    let hint: RouteContext | undefined
    for (const mark of marks) {
      if (mark.router !== this.#router)
        throw dialectMissing('The dialect belongs to another router. It was not sent to any server.')
      if (mark.context !== undefined) hint = { ...hint, ...mark.context }
    }
    if (hint !== undefined) this.#hint = combineHints(this.#hint, hint)
  }
}
