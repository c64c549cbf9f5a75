import type { KeyedPlacement } from '../catalog.ts'
import type { KeyList } from '../key-list.ts'
import { carriesIds, type KeySet, type KeyValue } from '../key-set.ts'
import type {
  InsertRows,
  PlacedAssignment,
  Placement,
  PlacementPart,
  Refusal,
  Scatter,
} from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { placeReferenceLocks } from './locks.ts'
import type { Source } from './model.ts'
import { refuseUnstableReferenceWrite } from './reference-writes.ts'
import { intersection } from './simplify.ts'
import { solve, type Solution } from './solve.ts'
import type { Top } from './top.ts'

/** What routing is told; `scatter` is worked out when it is first asked for. */
export function placementOf(
  analysis: Analysis,
  top: Top,
  { lists, prove }: { readonly lists: readonly KeyList[]; readonly prove: () => Scatter },
): Placement {
  placeReferenceLocks(analysis)
  const solution = solve(analysis)
  const rows = provedRows(analysis, top, solution)
  const dealt = rows === undefined || top.kind !== 'insert' ? undefined : top.reading.target.source
  const { parts, indices } = partsOf(analysis, solution, dealt)
  refuseUnprovedWrites(analysis, solution)
  refuseUnstableReferenceWrite(analysis, top)
  let scatter: Scatter | undefined
  return {
    keyspace: analysis.keyspace,
    parts,
    writesReference: analysis.referenceWrites.length > 0,
    rows,
    lists,
    assignments: assignmentsOf(analysis, solution, indices),
    refusal: analysis.catalog.isSharded ? analysis.refusal : undefined,
    scatter() {
      scatter ??= prove()
      return scatter
    },
  }
}

/** A value that is not known before the server reads it proves nothing of where it leaves the row. */
function assignmentsOf(
  analysis: Analysis,
  solution: Solution,
  indices: ReadonlyMap<Source, number>,
): readonly PlacedAssignment[] {
  return analysis.assignments.flatMap(({ source, column, set }): readonly PlacedAssignment[] => {
    const part = indices.get(source)
    if (source.placement === undefined || part === undefined) return []
    const proved = intersection([set], (value, isArray) => solution.isProved(value, isArray))
    return [{ table: source.relation?.name ?? '', column, placement: source.placement, set: proved, part }]
  })
}

function provedRows(analysis: Analysis, top: Top, solution: Solution): InsertRows | undefined {
  if (top.kind !== 'insert' || top.reading.rows === undefined) return undefined
  const { rows } = top.reading
  const unproved = [...rows.keys, ...(rows.ids ?? []).flat().flatMap(valuesIn)].find(
    (value) => !solution.isProved(value),
  )
  if (unproved?.source === 'parameter') {
    analysis.refuse(
      'UNPROVED_WRITE',
      `parameter $${unproved.number} used with several types`,
      `Parameter $${unproved.number} gives the shard key "${rows.placement.keyColumn}" of "${rows.table}" and is also used where it may get another type. Pass the key as a parameter of its own.`,
    )
  }
  return rows
}

/** A write without a condition on the shard key is refused, not spread. */
export function refuseUnprovedWrites(analysis: Analysis, solution: Solution): void {
  for (const source of analysis.sources) {
    const { relation, placement } = source
    if (source.access !== 'write' || placement === undefined || relation === undefined) continue
    const set = solution.setOf(source)
    // A foreign key to rows whose keys are known is as good as a condition.
    if (set.kind !== 'all' || boundingSources(source, set, solution).length > 0) continue
    analysis.refuse(
      'UNPROVED_WRITE',
      `a write to ${relation.name} without its shard key`,
      `The statement writes "${relation.name}" without a condition that proves the shard key "${placement.keyColumn}". Add ${[placement.keyColumn, ...source.ids.keys()].map((column) => `"${column} = …"`).join(' or ')} to its WHERE, or run it in router.run({ tenant }, …) or router.eachShard(…).`,
    )
  }
}

function valuesIn(set: KeySet): readonly KeyValue[] {
  if (set.kind === 'ids') return valuesIn(set.set)
  return set.kind === 'values' ? set.values : []
}

interface Draft {
  readonly source: Source
  readonly placement: KeyedPlacement
  readonly set: KeySet
  readonly within: readonly Source[]
}

function partsOf(
  analysis: Analysis,
  solution: Solution,
  dealt: Source | undefined,
): { readonly parts: PlacementPart[]; readonly indices: ReadonlyMap<Source, number> } {
  const parts: PlacementPart[] = []
  for (const [table, access] of analysis.homes) parts.push({ kind: 'home', table, access })
  const indices = new Map<Source, number>()
  const drafts: Draft[] = []
  const keys = new Map<string, number>()
  for (const source of analysis.sources) {
    const { placement } = source
    if (placement === undefined || source === dealt) continue
    const set = solution.setOf(source)
    const within = boundingSources(source, set, solution)
    // Tables of one group that need the same keys need the same shards.
    const spelled = `${placement.group} ${placement.isGuarded} ${source.access} ${spellSet(set)} ${within
      .map((other) => other.id)
      .join(',')}`
    let index = keys.get(spelled)
    if (index === undefined) {
      index = parts.length + drafts.length
      keys.set(spelled, index)
      drafts.push({ source, placement, set, within })
    }
    indices.set(source, index)
  }
  for (const { source, placement, set, within } of drafts) {
    const bounds = new Set<number>()
    for (const other of within) {
      const index = indices.get(other)
      if (index !== undefined) bounds.add(index)
    }
    parts.push({
      kind: 'keyed',
      table: source.relation?.name ?? '',
      access: source.access,
      placement,
      set,
      ...(carriesIds(set) ? { ids: [...new Set(idColumns(set))] } : {}),
      within: [...bounds],
    })
  }
  return { parts, indices }
}

/** Equal for sets that prove the same shards: whose column an id is does not matter to them. */
function spellSet(set: KeySet): string {
  return JSON.stringify(set, (name, value: unknown) => (name === 'column' ? undefined : value))
}

function idColumns(set: KeySet): readonly string[] {
  if (set.kind === 'ids') return [set.column]
  return set.kind === 'and' || set.kind === 'or' ? set.sets.flatMap(idColumns) : []
}

/** The sources whose shards bound this one's, by foreign keys and what is tied to them, where their sets say more. */
function boundingSources(source: Source, set: KeySet, solution: Solution): readonly Source[] {
  if (solution.ties.every((tie) => tie.isKey)) return []
  const reached = new Set<Source>([source])
  const bounding: Source[] = []
  for (const current of reached) {
    for (const { from, to } of solution.ties) {
      const [only, ...others] = from
      if (to !== current || only === undefined || others.length > 0 || reached.has(only)) continue
      reached.add(only)
      const other = solution.setOf(only)
      if (other.kind !== 'all' && spellSet(other) !== spellSet(set)) bounding.push(only)
    }
  }
  return bounding
}

/** A refusal for several shards, in one sentence form. */
export function scatterRefusal(construct: string, why: string, wayOut: string): Refusal {
  return {
    code: 'UNSUPPORTED_SCATTER',
    construct,
    message: `The statement needs several shards, and ${construct} cannot be finished over them: ${why}. ${wayOut}`,
  }
}
