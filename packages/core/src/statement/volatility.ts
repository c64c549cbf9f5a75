import {
  builtinAggregates,
  builtinFunctions,
  builtinSetFunctions,
  builtinWindowFunctions,
  immutableOperators,
  serverViews,
  stableOperators,
  type Nature,
} from './builtin-functions.ts'
import { relationKey, type Catalog, type FunctionFacts, type Volatility } from './catalog.ts'
import type { QualifiedName } from './tree.ts'

/** All that is known about a function's name: of several overloads and schemas, the worst. */
export interface FunctionUse extends FunctionFacts {
  /** What a built-in function depends on or does; undefined when no built-in function has the name. */
  readonly nature: Nature | undefined
  /** True when the catalog has a function of the name too: it may be the one that is called. */
  readonly isUser: boolean
}

const split = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

const volatilities: Readonly<Record<string, Volatility>> = { i: 'immutable', s: 'stable', v: 'volatile' }
const severity: Readonly<Record<Volatility, number>> = { immutable: 0, stable: 1, volatile: 2 }

const aggregates = new Set(split(builtinAggregates))
const windowFunctions = new Set(split(builtinWindowFunctions))
const setFunctions = new Set(split(builtinSetFunctions))
const immutableSymbols = new Set(split(immutableOperators))
const stableSymbols = new Set(split(stableOperators))
const viewsOfOneServer = new Set(split(serverViews))

const builtins: ReadonlyMap<string, FunctionUse> = new Map(
  Object.entries(builtinFunctions).flatMap(([key, names]) => {
    const [nature = '', volatility = ''] = key.split(':')
    return split(names).map((name): [string, FunctionUse] => [
      name,
      {
        nature: nature as Nature,
        isUser: false,
        volatility: volatilities[volatility] ?? 'volatile',
        isOpaque: nature === 'hidden',
        isAggregate: aggregates.has(name),
        isWindow: windowFunctions.has(name),
        returnsSet: setFunctions.has(name),
      },
    ])
  }),
)

/**
 * What the function of that name may be. An unqualified name may mean a built-in one or, by a closer match of the
 * arguments, one in any schema of the search path: then the worst of all counts. Undefined when nothing has the name.
 */
export function functionUse(name: QualifiedName, catalog: Catalog): FunctionUse | undefined {
  if (name.schema === 'pg_catalog') return builtins.get(name.name)
  if (name.schema !== undefined) return userUse(catalog.functions.get(relationKey(name.schema, name.name)))
  let use = builtins.get(name.name)
  if (catalog.functions.size === 0) return use
  for (const schema of catalog.searchPath) {
    use = worst(use, userUse(catalog.functions.get(relationKey(schema, name.name))))
  }
  return use
}

/** Undefined for a symbol that neither PostgreSQL nor the catalog has. */
export function operatorUse(symbol: string, catalog: Catalog): FunctionUse | undefined {
  const volatility = immutableSymbols.has(symbol)
    ? 'immutable'
    : stableSymbols.has(symbol)
      ? 'stable'
      : undefined
  const builtin: FunctionUse | undefined =
    volatility === undefined ? undefined : { ...plainOperator, volatility, nature: 'immutable' }
  return worst(builtin, userUse(catalog.operators.get(symbol)))
}

const plainOperator: FunctionUse = {
  nature: undefined,
  isUser: false,
  volatility: 'immutable',
  isOpaque: false,
  isAggregate: false,
  isWindow: false,
  returnsSet: false,
}

/** True for a system view whose rows differ between a primary and its standbys. */
export function isServerView(name: string): boolean {
  return viewsOfOneServer.has(name)
}

const volatileUserFunctions = new WeakMap<Catalog, boolean>()

/** True when the catalog has any volatile function: then what runs functions unseen cannot be trusted. */
export function hasVolatileFunctions(catalog: Catalog): boolean {
  let known = volatileUserFunctions.get(catalog)
  if (known === undefined) {
    known = [...catalog.functions.values()].some((facts) => facts.volatility === 'volatile')
    volatileUserFunctions.set(catalog, known)
  }
  return known
}

function userUse(facts: FunctionFacts | undefined): FunctionUse | undefined {
  return facts === undefined ? undefined : { ...facts, nature: undefined, isUser: true }
}

function worst(a: FunctionUse | undefined, b: FunctionUse | undefined): FunctionUse | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  return {
    nature: a.nature ?? b.nature,
    isUser: a.isUser || b.isUser,
    volatility: severity[a.volatility] >= severity[b.volatility] ? a.volatility : b.volatility,
    isOpaque: a.isOpaque || b.isOpaque,
    isAggregate: a.isAggregate || b.isAggregate,
    isWindow: a.isWindow || b.isWindow,
    returnsSet: a.returnsSet || b.returnsSet,
  }
}
