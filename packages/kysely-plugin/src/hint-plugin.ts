import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryId,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from 'kysely'
import { StatementError, type RouteContext } from '@shardline/core'
import { Mark, dialectMissing, markQuery } from './mark.ts'
import { wasExecuted } from './executed.ts'

/** Gives the queries of one `Kysely`, transaction or builder a context that the SQL cannot say. */
export class HintPlugin implements KyselyPlugin {
  readonly #mark: Mark
  readonly #transformed = new WeakSet<QueryId>()

  constructor(router: object, context: RouteContext) {
    this.#mark = new Mark(router, Object.freeze({ ...context }))
  }

  transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
    this.#transformed.add(args.queryId)
    return markQuery(args.node, this.#mark)
  }

  async transformResult(args: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    if (!wasExecuted(args.queryId)) throw dialectMissing('It has already run there.')
    if (!this.#transformed.has(args.queryId)) {
      throw new StatementError(
        'HINT_INVALID',
        'A query compiled elsewhere was executed through an instance with a hint, and has run without it: a hint belongs to a query when it is compiled. ' +
          'Compile it with the same instance, or give the context by router.run().',
      )
    }
    return args.result
  }
}
