import { bodyAs, qualifiedName, type Node } from '../tree.ts'
import type { Analysis, Query, UseType } from './analysis.ts'
import { equate } from './equalities.ts'
import type { Binding } from './model.ts'
import { bindColumn, type Scope } from './scope.ts'
import { isNeverNull } from './slots.ts'

export type WalkExpression = (
  analysis: Analysis,
  node: Node | undefined,
  scope: Scope,
  wanted?: UseType,
) => void

export interface Sublink {
  readonly kind: 'exists' | 'any-equal' | 'other'
  readonly query: Query | undefined
  /** For `any-equal`: each tested expression with the output it is compared with. */
  readonly pairs: readonly { readonly test: Binding; readonly output: Binding }[]
}

/** Reads a subquery inside an expression; it sees the columns around it. */
export function analyseSublink(analysis: Analysis, node: Node, scope: Scope, walk: WalkExpression): Sublink {
  const sublink = bodyAs(node, 'SubLink')
  walk(analysis, sublink?.testexpr, scope)
  const start = analysis.sources.length
  const query =
    sublink?.subselect === undefined
      ? undefined
      : analysis.analyseQuery(analysis, sublink.subselect, { parent: scope, ctes: scope.ctes })
  const kind = kindOf(sublink)
  if (kind === 'exists' && sublink !== undefined && query !== undefined) {
    analysis.questions.set(sublink, { query, sources: [start, analysis.sources.length] })
  }
  const pairs: { test: Binding; output: Binding }[] = []
  if (kind === 'any-equal' && query?.isComplete === true) {
    const row = bodyAs(sublink?.testexpr, 'RowExpr')?.args
    const tests = row ?? (sublink?.testexpr === undefined ? [] : [sublink.testexpr])
    for (const [index, expression] of tests.entries()) {
      const test = bindColumn(scope, expression)
      const output = query.outputs[index]?.binding
      if (test !== undefined && output !== undefined) pairs.push({ test, output })
    }
  }
  for (const { test, output } of pairs) {
    // Whatever IN stands in (NOT, OR, a target list): rows with another value compare as false, never as NULL.
    // A column that may hold NULL compares as NULL with any row at all, and as false with none.
    if (isNeverNull(test) && isNeverNull(output)) {
      for (const equality of equate(analysis.catalog, test, output)) {
        if (output.down.includes(equality.to)) analysis.equalities.push(equality)
      }
    }
  }
  return { kind, query, pairs }
}

function kindOf(sublink: ReturnType<typeof bodyAs<'SubLink'>>): Sublink['kind'] {
  if (sublink?.subLinkType === 'EXISTS_SUBLINK') return 'exists'
  if (sublink?.subLinkType !== 'ANY_SUBLINK') return 'other'
  // IN has no operator name.
  if (sublink.operName === undefined) return 'any-equal'
  const operator = qualifiedName(sublink.operName)
  const isPlain = operator?.schema === undefined || operator.schema === 'pg_catalog'
  return operator?.name === '=' && isPlain ? 'any-equal' : 'other'
}
