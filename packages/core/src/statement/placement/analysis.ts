import type { SubLink } from 'libpg-query'
import type { KeyList } from '../key-list.ts'
import type { KeySet, KeyValue } from '../key-set.ts'
import type { Catalog, KeyedPlacement, Relation } from '../catalog.ts'
import type { Refusal } from '../statement.ts'
import type { Node } from '../tree.ts'
import type { FunctionUse } from '../volatility.ts'
import type { Facts } from './facts.ts'
import type { Equality, NamedBinding, Roots, Source, Unnested } from './model.ts'
import type { CteScope, Scope } from './scope.ts'
import { idColumnsOf, noIds } from './slots.ts'
import type { KeyType } from '../key-type.ts'

/** What is known of a query's result and of how it may be run shard by shard. */
export interface Query {
  readonly outputs: readonly QueryOutput[]
  /** False when `*` stands for columns that are not known. */
  readonly isComplete: boolean
  /** As a part of another query, its own LIMIT, grouping and the like included. */
  readonly roots: Roots
  /** The roots it would have without its LIMIT and OFFSET; set where they are why it has none. */
  readonly unlimited?: Roots
  /** Facts its WHERE gives about rows of the queries around it, when the query returns any row. */
  readonly outward: Facts | undefined
}

export interface QueryOutput extends NamedBinding {
  /** The expression, when it is an untyped literal or parameter. */
  readonly untyped: Node | undefined
}

export interface QueryContext {
  readonly parent: Scope | undefined
  readonly ctes: CteScope | undefined
  /** Types that the outputs are assigned to, for INSERT … SELECT. */
  readonly targetTypes?: readonly UseType[]
}

/** Analyses a SELECT (or, in a CTE, a data-modifying statement); handed in, so that expressions can hold queries. */
export type AnalyseQuery = (analysis: Analysis, node: Node, context: QueryContext) => Query

/** The type that PostgreSQL would infer for a parameter from one use of it; `other` when that is not known. */
export type UseType = KeyType | `${KeyType}[]` | 'other'

export interface FunctionOccurrence {
  readonly name: string
  /** Undefined when neither PostgreSQL nor the catalog has the function. */
  readonly use: FunctionUse | undefined
  /** `top-target`: where the outermost statement makes its rows; `where`: a condition of WHERE or ON. */
  readonly place: 'top-target' | 'where' | 'other'
}

/** Everything gathered while one statement is read. */
export class Analysis {
  readonly catalog: Catalog
  readonly analyseQuery: AnalyseQuery
  readonly sources: Source[] = []
  readonly equalities: Equality[] = []
  /** Values that an UPDATE gives to columns that say where a row lies: they must leave it there. */
  readonly assignments: { readonly source: Source; readonly column: string; readonly set: KeySet }[] = []
  readonly parameterUses = new Map<number, UseType[]>()
  /** What each column of constants that comes out of arrays comes from. */
  readonly unnested = new Map<Source, Unnested>()
  /** Lists of keys, before it is known whether their parameters stand in them alone. */
  readonly keyLists: KeyList[] = []
  readonly functions: FunctionOccurrence[] = []
  /** Unsharded tables with their access. */
  readonly homes = new Map<string, 'read' | 'write'>()
  /** Names of reference tables whose rows are locked. */
  readonly referenceLocks: string[] = []
  /** Names of reference tables that are written. */
  readonly referenceWrites: string[] = []
  /** Constructs that make no sense over several shards wherever they stand, in the order they were met. */
  readonly scatterObstacles: { construct: string; wayOut: string }[] = []
  /** EXISTS subqueries, each with the numbers of its sources: from the first up to (not including) the second. */
  readonly questions = new Map<
    SubLink,
    { readonly query: Query; readonly sources: readonly [number, number] }
  >()
  keyspace: string | undefined
  refusal: Refusal | undefined
  usesSystemCatalog = false
  hasModifyingCte = false
  /** How many queries were read because a CTE or view was named again; a bound against doubling chains. */
  expansions = 0
  /** Greater than zero inside the arguments of an aggregate. */
  aggregateDepth = 0
  #rows = 0

  constructor(catalog: Catalog, analyseQuery: AnalyseQuery) {
    this.catalog = catalog
    this.analyseQuery = analyseQuery
  }

  /** The first refusal counts, but an unknown table comes before all: a fresh catalog may change everything. */
  refuse(code: Refusal['code'], construct: string, message: string): void {
    if (this.refusal !== undefined && (code !== 'UNKNOWN_TABLE' || this.refusal.code === 'UNKNOWN_TABLE'))
      return
    this.refusal = { code, construct, message }
  }

  obstruct(construct: string, wayOut: string): void {
    this.scatterObstacles.push({ construct, wayOut })
  }

  addSource(
    kind: Source['kind'],
    access: Source['access'],
    keyType: KeyType | undefined,
    table?: { readonly relation: Relation; readonly placement: KeyedPlacement },
  ): Source {
    const source: Source = {
      id: this.sources.length,
      kind,
      access,
      relation: table?.relation,
      placement: table?.placement,
      keyType,
      sets: [],
      ids: table === undefined ? noIds : idColumnsOf(table.relation, this.catalog),
      idSets: new Map(),
    }
    this.sources.push(source)
    return source
  }

  /** A number for one more reading of a source; negative, so that it is none of the sources' own numbers. */
  nextRow(): number {
    this.#rows -= 1
    return this.#rows
  }

  noteParameter(number: number, type: UseType): void {
    const uses = this.parameterUses.get(number)
    if (uses === undefined) this.parameterUses.set(number, [type])
    else uses.push(type)
  }

  /** Names a relation's keyspace; a statement has one. */
  visitKeyspace(relation: Relation): void {
    if (this.keyspace === undefined) this.keyspace = relation.keyspace
    else if (this.keyspace !== relation.keyspace) {
      this.refuse(
        'CROSS_KEYSPACE',
        'tables of two keyspaces',
        `The statement uses tables of keyspace "${this.keyspace}" and, with "${relation.name}", of keyspace "${relation.keyspace}". They live on different servers: query them one after the other.`,
      )
    }
  }
}

/** True for one value that the sets of a source prove its rows to have. */
export function isSameValue(a: KeyValue, b: KeyValue): boolean {
  if (a.source === 'null' || b.source === 'null' || a.type !== b.type) return false
  if (a.source === 'parameter') return b.source === 'parameter' && a.number === b.number
  return b.source === 'literal' && a.text === b.text
}
