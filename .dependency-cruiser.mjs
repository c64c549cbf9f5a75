// The house's walls: who may import whom inside core, no cycles (types included), no deep imports between packages.
// Pure rooms decide, I/O rooms act; imports run one way only. See CONTRIBUTING.md for the map.

const core = '^packages/core/src'

/** What runs a route, and the facade over it, see everything but the start. */
const underFacade = [
  'statement',
  'sharding',
  'topology',
  'routing',
  'selection',
  'merge',
  'config',
  'pool',
  'monitoring',
  'consistency',
  'telemetry',
]

/** Which other rooms of core a room may import; `errors.ts` is open to all. */
const rooms = {
  statement: [],
  sharding: ['statement'],
  topology: [],
  routing: ['statement', 'sharding', 'topology'],
  selection: ['topology'],
  merge: ['statement'],
  config: ['statement', 'sharding', 'topology', 'selection'],
  catalog: ['config', 'statement', 'sharding', 'topology'],
  start: ['catalog', 'config', 'pool', 'routing', 'sharding', 'statement', 'topology'],
  telemetry: ['statement', 'routing', 'topology'],
  pool: ['config', 'topology', 'telemetry'],
  monitoring: ['pool', 'topology', 'config', 'selection'],
  consistency: ['pool', 'topology', 'config', 'monitoring'],
  execution: underFacade,
  ids: ['catalog', 'config', 'execution', 'pool', 'routing', 'sharding', 'statement'],
  'pool-facade': [...underFacade, 'execution'],
}

const roomRules = Object.entries(rooms).map(([room, allowed]) => ({
  name: `core-${room}`,
  comment: `${room}/ may import only ${['errors.ts', ...allowed].join(', ')}`,
  severity: 'error',
  from: { path: `${core}/${room}/`, pathNot: '\\.test\\.ts$' },
  to: { path: `${core}/`, pathNot: `${core}/(errors\\.ts$|(${[room, ...allowed].join('|')})/)` },
}))

const pure = 'statement|sharding|topology|routing|selection|merge'

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans-of-resolution',
      comment: 'every import must resolve',
      severity: 'error',
      from: { path: '^(packages|examples|bench|test)' },
      to: { couldNotResolve: true },
    },
    ...roomRules,
    {
      name: 'pure-rooms-do-no-io',
      comment: 'no socket, file, clock or process in a pure room; the parser reads its own WebAssembly once',
      severity: 'error',
      from: { path: `${core}/(${pure})/`, pathNot: `${core}/statement/parser\\.ts$` },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(module|buffer|crypto)$' },
    },
    {
      name: 'pg-is-the-users',
      comment: "core receives the application's own copy of pg; only its types may be imported",
      severity: 'error',
      from: { path: `${core}/`, pathNot: ['\\.test\\.ts$', `${core}/router\\.ts$`] },
      to: { path: 'node_modules/pg/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-import-core-by-name',
      comment: "no package reaches into another one's files",
      severity: 'error',
      from: { path: '^(packages|examples)/([^/]+)/' },
      to: {
        path: '^(packages|examples)/([^/]+)/',
        pathNot: ['^$1/$2/', '^(packages|examples)/[^/]+/src/(index|story)\\.ts$'],
      },
    },
    {
      name: 'router-is-the-top',
      comment: 'only the entry and the tests import the router',
      severity: 'error',
      from: { path: `${core}/`, pathNot: [`${core}/(index|router)\\.ts$`, '\\.test\\.ts$'] },
      to: { path: `${core}/router\\.ts$` },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // Tests reach into the rooms they test, and use syntax that the cruiser cannot read yet (`using`). Prisma generates its clients.
    exclude: { path: '(^|/)(dist|generated|node_modules/\\.cache|test)/|\\.test\\.ts$' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
}
