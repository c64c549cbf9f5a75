import type { Catalog } from './catalog.ts'
import type { Placement } from './statement.ts'
import type { Node } from './tree.ts'
import { Analysis } from './placement/analysis.ts'
import { ownLists } from './placement/key-lists.ts'
import { proveScatter } from './placement/scatter.ts'
import { placementOf } from './placement/outcome.ts'
import { analyseQuery } from './placement/query.ts'
import { analyseTop } from './placement/top.ts'

/**
 * Where the rows that matter to a statement lie, as far as its text proves it.
 *
 * Pure, and never wrong in the unsafe direction: what is not proved widens a key set or becomes a refusal. The tree
 * is not kept; the proof for several shards parses `text` again when it is first asked for.
 */
export function analysePlacement(stmt: Node, text: string, catalog: Catalog): Placement {
  const analysis = new Analysis(catalog, analyseQuery)
  const top = analyseTop(analysis, stmt)
  return placementOf(analysis, top, {
    lists: ownLists(analysis, stmt),
    prove: () => proveScatter(text, catalog),
  })
}
