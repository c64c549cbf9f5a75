import {
  emptyCatalog,
  relationKey,
  type Catalog,
  type FunctionFacts,
  type Relation,
  type RelationKind,
} from '../../src/statement/catalog.ts'

/** The catalog that `vectors/classification.json` sets up, as pure data. */
const facts: FunctionFacts = {
  volatility: 'immutable',
  isOpaque: false,
  isAggregate: false,
  isWindow: false,
  returnsSet: false,
}
const volatile: FunctionFacts = { ...facts, volatility: 'volatile', isOpaque: true }

function relation(kind: RelationKind, name: string, more: Partial<Relation> = {}): [string, Relation] {
  const known: Relation = {
    schema: 'public',
    name,
    kind,
    columns: [],
    placement: { strategy: 'unsharded' },
    keyspace: 'default',
    uniqueKeys: [],
    foreignKeys: [],
    hasTriggers: false,
    ...more,
  }
  return [relationKey('public', name), known]
}

export const classificationCatalog: Catalog = {
  ...emptyCatalog,
  version: 1,
  relations: new Map([
    relation('table', 't'),
    relation('table', 'u'),
    relation('table', 'fast', { isUnlogged: true }),
    relation('sequence', 'seq'),
    relation('materialized-view', 'mv'),
    relation('foreign', 'abroad'),
    relation('view', 'plain', { viewText: 'SELECT t.id, t.a FROM public.t' }),
    relation('view', 'counting', { viewText: `SELECT nextval('public.seq'::regclass) AS n` }),
    relation('view', 'nested', { viewText: 'SELECT counting.n FROM public.counting' }),
    relation('view', 'clock', { viewText: 'SELECT now() AS at' }),
    relation('view', 'locking', { viewText: 'SELECT t.id FROM public.t FOR UPDATE' }),
    relation('view', 'calling', { viewText: 'SELECT public.f_volatile(1) AS f_volatile' }),
    relation('view', 'circular', { viewText: 'SELECT 1 FROM public.circular' }),
  ]),
  functions: new Map([
    ['public.f_immutable', facts],
    ['public.f_stable', { ...facts, volatility: 'stable', isOpaque: true }],
    ['public.f_volatile', volatile],
    ['public.f_mixed', volatile],
    ['public.abs', volatile],
    ['public.full_name', volatile],
    ['public.f_same', volatile],
    ['public.f_plus', volatile],
    ['public.f_sum', { ...volatile, isAggregate: true }],
  ]),
  operators: new Map([['===', volatile]]),
  types: new Map([
    ['public.mood', { kind: 'enum', labels: ['sad', 'happy'] }],
    ['public.positive', { kind: 'domain' }],
  ]),
}
