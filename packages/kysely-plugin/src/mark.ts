import type { OperationNode, RawNode, RootOperationNode, SelectModifierNode } from 'kysely'
import { ConfigError, type RouteContext } from '@shardline/core'

/**
 * What the plugins leave in a query's tree for Shardline's own compiler: proof that this dialect will run it,
 * and the hint it carries.
 *
 * A plugin cannot see which dialect runs a query, and `transformResult` comes after the write has happened. So the
 * plugin puts a mark into the tree as a piece of raw SQL that has no text. Other plugins copy it as they copy any raw
 * SQL; Shardline's compiler takes it out; every other compiler tries to print it, and that throws before anything
 * is sent. The tree, and not the query's id, carries the hint because builders derived from one another share an id.
 */
export class Mark {
  readonly context: RouteContext | undefined
  // Private: plugins such as DeduplicateJoinsPlugin compare trees key by key, and these lead back here.
  readonly #router: object
  readonly #node: RawNode
  readonly #modifier: SelectModifierNode

  constructor(router: object, context?: RouteContext) {
    this.context = context
    this.#router = router
    this.#node = raw([this], [])
    this.#modifier = Object.freeze({ kind: 'SelectModifierNode', rawModifier: this.#node })
  }

  get router(): object {
    return this.#router
  }

  get node(): RawNode {
    return this.#node
  }

  get modifier(): SelectModifierNode {
    return this.#modifier
  }

  /** Reached only when a compiler that does not know marks adds one to its text. */
  [Symbol.toPrimitive](): never {
    throw dialectMissing('It was not sent to any server.')
  }
}

export function dialectMissing(consequence: string): ConfigError {
  return new ConfigError(
    'DIALECT_MISSING',
    `A query passed the plugin of @shardline/kysely-plugin but not the dialect that belongs to it, so nothing decides which server runs it. ${consequence} ` +
      'Create the instance with both: new Kysely({ dialect: shardline.dialect(), plugins: [shardline] }).',
  )
}

/** The same query with the mark in it, at a place that every compiler prints and every transformer copies. */
export function markQuery(query: RootOperationNode, mark: Mark): RootOperationNode {
  switch (query.kind) {
    case 'SelectQueryNode':
      return { ...query, endModifiers: [...(query.endModifiers ?? []), mark.modifier] }
    case 'InsertQueryNode':
    case 'UpdateQueryNode':
    case 'DeleteQueryNode':
    case 'MergeQueryNode':
      return { ...query, endModifiers: [...(query.endModifiers ?? []), mark.node] }
    case 'RawNode':
      return {
        ...query,
        sqlFragments: [...query.sqlFragments, ''],
        parameters: [...query.parameters, mark.node],
      }
    default:
      return markName(query, mark)
  }
}

/** The mark in a node that is nothing but a mark, as `markQuery` places it. */
export function readMark(node: OperationNode): Mark | undefined {
  const candidate = isSelectModifier(node) ? node.rawModifier : node
  if (candidate === undefined || !isRaw(candidate)) return undefined
  const first: unknown = candidate.sqlFragments[0]
  return first instanceof Mark ? first : undefined
}

/** Schema statements have no list of modifiers; there the mark stands before the name of what they change. */
function markName<T extends RootOperationNode>(query: T, mark: Mark): T {
  for (const slot of ['table', 'name', 'schema'] as const) {
    const named = (query as unknown as Readonly<Record<string, unknown>>)[slot]
    if (isNode(named)) return { ...query, [slot]: markIdentifier(named, mark) }
  }
  throw new ConfigError(
    'DEPENDENCY_UNSUPPORTED',
    `This version of Kysely has a kind of statement, ${query.kind}, that @shardline/kysely-plugin does not know. Use a version of Kysely within its peer range.`,
  )
}

function markIdentifier(node: OperationNode, mark: Mark): OperationNode {
  const inner = node as {
    readonly kind: string
    readonly table?: OperationNode
    readonly identifier?: OperationNode
    readonly name?: string
  }
  if (inner.table !== undefined)
    return { ...inner, table: markIdentifier(inner.table, mark) } as OperationNode
  if (inner.identifier !== undefined)
    return { ...inner, identifier: markIdentifier(inner.identifier, mark) } as OperationNode
  // `name` stays readable: WithSchemaPlugin looks at the identifier itself.
  return { ...raw([mark, ''], [node]), name: inner.name } as RawNode
}

function raw(fragments: readonly (string | Mark)[], parameters: readonly OperationNode[]): RawNode {
  return Object.freeze({ kind: 'RawNode', sqlFragments: fragments as readonly string[], parameters })
}

function isNode(value: unknown): value is OperationNode {
  return typeof value === 'object' && value !== null && 'kind' in value
}

function isRaw(node: OperationNode): node is RawNode {
  return node.kind === 'RawNode'
}

function isSelectModifier(node: OperationNode): node is SelectModifierNode {
  return node.kind === 'SelectModifierNode'
}
