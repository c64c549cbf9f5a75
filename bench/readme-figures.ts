import type { Figure } from './report.ts'
import type { Results } from './results-file.ts'

/** A line of the README's table: one or more figures of one kind, held against one target. */
interface Line {
  readonly what: string
  readonly part: string
  /** Of the part's figures; the first is stated first. */
  readonly figures: readonly string[]
  /** The names are only ends of names: of the figures that have them, the least or the most. */
  readonly worst?: 'least' | 'most'
}

const poolers = ['PgBouncer', 'pgpool-II']

const point = (callers: string, connections: number): string =>
  `point select, ${callers}, ${connections} connections`
const mixed = (connections: number): string =>
  `p99 of point selects beside 1 % of 200 ms, 64 callers, ${connections} connections: Shardline against pg.Pool`
const scan = 'ORDER BY … LIMIT 50 over 4 shards, time against the slowest shard alone'

const lines: readonly Line[] = [
  {
    what: '64 point selects in flight over 10 connections (4), against `pg.Pool`',
    part: 'peers',
    figures: [10, 4].map((connections) => `${point('64 callers', connections)}: against pg.Pool`),
  },
  {
    what: '… against a `pg.Pool` whose application names every statement',
    part: 'peers',
    figures: [10, 4].map(
      (connections) => `${point('64 callers', connections)}: against pg.Pool with named statements`,
    ),
  },
  {
    what: '… client CPU per statement, against `pg.Pool`',
    part: 'peers',
    figures: [10, 4].map((connections) => `${point('64 callers', connections)}: client CPU against pg.Pool`),
  },
  {
    what: 'one point select at a time, against `pg.Pool`',
    part: 'peers',
    figures: [`${point('1 caller', 10)}: against pg.Pool`],
  },
  {
    what: 'inserts, 1 caller (64), against `pg.Pool`',
    part: 'peers',
    figures: ['1 caller', '64 callers'].map(
      (callers) => `insert, ${callers}, 10 connections: against pg.Pool`,
    ),
  },
  {
    what: 'p99 of 64 callers’ point selects while 1 % take 200 ms, 10 connections (4), against `pg.Pool`',
    part: 'mixed',
    figures: [mixed(10), mixed(4)],
  },
  {
    what: 'throughput against `pg.Pool` through PgBouncer (pgpool-II): the least of all loads and callers',
    part: 'peers',
    figures: poolers.map((pooler) => `: throughput against ${pooler}`),
    worst: 'least',
  },
  {
    what: 'p50 against `pg.Pool` through PgBouncer (pgpool-II): the most of all loads and callers',
    part: 'peers',
    figures: poolers.map((pooler) => `: p50 against ${pooler}`),
    worst: 'most',
  },
  {
    what: 'CPU that PgBouncer (pgpool-II) itself takes per point select, 64 callers',
    part: 'peers',
    figures: poolers.map((pooler) => `${point('64 callers', 10)}: CPU of ${pooler} itself`),
  },
  {
    what: 'client CPU that a read on a plan hit adds to that of `pg.Pool`, nothing prepared, 1 caller (16)',
    part: 'hot-path',
    figures: [1, 16].map(
      (callers) => `read, prepared off, ${callers} callers, real servers: CPU added to pg.Pool's`,
    ),
  },
  {
    what: '8 shards × 2 nodes: throughput of 256 callers (1024), against the best of as many and fewer',
    part: 'shards',
    figures: [256, 1024].map(
      (callers) =>
        `8 shards × 2 nodes: throughput of ${callers} callers against the best of as many and fewer`,
    ),
  },
  {
    what: '`ORDER BY … LIMIT 50` over 4 shards, time against the slowest alone, 2 ms of network each way (none)',
    part: 'scan',
    figures: [`${scan}, 2 ms each way`, `${scan}, all on one machine`],
  },
  {
    what: '1,000 keys by `IN` (`= ANY`) over 4 shards: each its own keys, against the whole list for each',
    part: 'batch',
    figures: [
      'IN of 1000 keys over 4 shards: own items against whole lists',
      'ANY of 1000 keys over 4 shards: own elements against whole arrays',
    ],
  },
  {
    what: 'plan of a text never seen before: parse, analyse, route',
    part: 'plans',
    figures: ['plan miss on ORM statements: parse, analyse, route'],
  },
  { what: 'key → shard, bigint', part: 'sharding', figures: ['key → shard, bigint key as number'] },
  { what: 'key → shard, uuid', part: 'sharding', figures: ['key → shard, uuid'] },
  {
    what: 'start of a process to its first answer (with `pg.Pool`)',
    part: 'start-up',
    figures: ['Shardline', 'pg.Pool'].map((name) => `start of a process to its first answer, ${name}`),
  },
  {
    what: '… and to its end, when it wants no more (with `pg.Pool`)',
    part: 'start-up',
    figures: ['Shardline', 'pg.Pool'].map(
      (name) => `start to end of a process that only gets that answer, ${name}`,
    ),
  },
  {
    what: 'memory of a process at rest (with `pg.Pool`)',
    part: 'memory',
    figures: ['Shardline', 'pg.Pool'].map((name) => `memory of a process at rest, ${name}`),
  },
  {
    what: 'heap that 10,000 cached plans add',
    part: 'memory',
    figures: ['heap that 10,000 cached plans add'],
  },
]

const orms = ['Kysely', 'Drizzle', 'TypeORM', 'Prisma']
const ormLoads = ['point select', 'list of 50', 'relation load', 'insert', '90 % reads, 10 % inserts']

/** Puts the tables of the latest results between the README's marks; what was not measured is left out. */
export function stateFigures(readme: string, results: Results): string {
  const begin = '<!-- figures -->\n'
  const end = '<!-- end of figures -->'
  const [before, after] = [readme.indexOf(begin), readme.indexOf(end)]
  if (before < 0 || after < before) throw new Error('The README has no marks for figures.')
  const tables = [targetTable(results), ormTable(results)].filter((table) => table !== '')
  return `${readme.slice(0, before + begin.length)}\n${tables.join('\n\n')}\n\n${readme.slice(after)}`
}

function targetTable(results: Results): string {
  const rows = lines.flatMap(({ what, part, figures, worst }) => {
    const found = figures.flatMap(
      (name) =>
        (worst === undefined ? find(results, part, name) : findWorst(results, { part, name, worst })) ?? [],
    )
    const [first, ...others] = found
    if (first === undefined) return []
    const rest = others.length === 0 ? '' : ` (${others.map(stated).join(', ')})`
    const target = first.target && `${first.target.relation} ${first.target.value} ${first.unit}`
    return [[what, target ?? '', `${stated(first)}${rest}`]]
  })
  return rows.length === 0 ? '' : table(['with `router.pool`', 'target', 'measured'], rows)
}

function ormTable(results: Results): string {
  const rows = orms.flatMap((orm) =>
    ['one server', '2 shards × 2 nodes'].flatMap((size) => {
      const cells = ormLoads.map((load) => {
        const [many, one] = ['64 callers', '1 caller'].map((callers) =>
          find(results, 'orms', `${orm} with Shardline, ${size}, against ${orm} alone, ${load}, ${callers}`),
        )
        return many && one && `${stated(many)} (${stated(one)})`
      })
      return cells.every((cell) => cell !== undefined) ? [[`${orm}, ${size}`, ...cells]] : []
    }),
  )
  const head = ['with Shardline, against the ORM alone, 64 callers (1)', ...ormLoads]
  return rows.length === 0 ? '' : table(head, rows)
}

function find(results: Results, part: string, what: string): Figure | undefined {
  return results[part]?.figures.find((figure) => figure.what === what)
}

function findWorst(
  results: Results,
  { part, name, worst }: { readonly part: string; readonly name: string; readonly worst: 'least' | 'most' },
): Figure | undefined {
  const all = results[part]?.figures.filter(({ what }) => what.endsWith(name)) ?? []
  const sorted = all.toSorted((one, other) => one.value.median - other.value.median)
  return worst === 'least' ? sorted[0] : sorted.at(-1)
}

/** Bold where the target was missed. */
function stated({ value: { median }, unit, target }: Figure): string {
  const digits = unit === '×' ? 2 : Math.abs(median) >= 10 ? 0 : 1
  const text = `${median.toFixed(digits)} ${unit}`
  const isMissed =
    target !== undefined && (target.relation === '≥' ? median < target.value : median > target.value)
  return isMissed ? `**${text}**` : text
}

/** As the formatter writes it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
