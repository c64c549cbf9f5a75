import type { Comparison, PartResult, Results } from '../results-file.ts'
import type { Panel, Row, Series } from './panel.ts'
import { drawPicture } from './picture.ts'

const people = (callers: number): string => (callers === 1 ? '1 caller' : `${callers} callers`)

/** The charts that the README shows, by file name. What was not measured is left out. */
export function drawCharts(results: Results): Readonly<Record<string, string>> {
  const { peers, orms } = results
  return { ...(peers && { 'peers.svg': peersChart(peers) }), ...(orms && { 'orms.svg': ormsChart(orms) }) }
}

function peersChart(part: PartResult): string {
  const series: readonly Series[] = [
    { name: 'PgBouncer', colour: 'pale' },
    { name: 'pgpool-II, with a replica', colour: 'grey' },
    { name: 'Shardline', colour: 'own' },
    { name: 'Shardline, with a replica', colour: 'second' },
  ]
  const names = ['pg.Pool, PgBouncer', 'pg.Pool, pgpool-II', 'Shardline', 'Shardline, replica']
  const namesOf = series.map((each, index) => [each, names[index]] as const)
  const rows = [
    ...[1, 16, 64, 256].map((callers) => ['point select', callers, 10] as const),
    ['point select', 64, 4] as const,
    ...['90 % reads, 10 % inserts', 'list of 50', 'relation, two statements', 'insert'].map(
      (load) => [load, 64, 10] as const,
    ),
  ].flatMap(([load, callers, connections]) => {
    const measured = part.comparisons.find(
      (each) => each.load === `${load}, ${people(callers)}, ${connections} connections`,
    )
    const row = { label: capital(load), detail: `${people(callers)}, ${connections} connections` }
    return measured === undefined ? [] : [rowOf(row, measured, namesOf)]
  })
  const panels = [{ title: undefined, rows }]
  return drawPicture({
    title: 'An application on pg: throughput against pg.Pool alone',
    subtitle:
      'The same statements over the same number of connections to the same servers. Longer is better.',
    description: `Throughput divided by that of pg.Pool, medians. ${inWords(panels)}`,
    series,
    panels,
    columns: 1,
    labelWidth: 190,
    footnote: footnote(part),
  })
}

function ormsChart(part: PartResult): string {
  const series: readonly Series[] = [
    { name: 'with its own splitter, 1 × 2 nodes', colour: 'grey' },
    { name: 'with Shardline, one server', colour: 'own' },
    { name: 'with Shardline, 2 shards × 2 nodes', colour: 'second' },
  ]
  const loads = ['point select', 'list of 50', 'relation load', 'insert', '90 % reads, 10 % inserts']
  const panels = ['Kysely', 'Drizzle', 'TypeORM', 'Prisma'].map((orm): Panel => {
    const rows = [['point select', 1] as const, ...loads.map((load) => [load, 64] as const)].flatMap(
      ([load, callers]) => {
        const measured = part.comparisons.find((each) => each.load === `${orm}, ${load}, ${people(callers)}`)
        if (measured === undefined) return []
        const names = [
          measured.variants[1]?.name,
          `${orm}, Shardline, one server`,
          `${orm}, Shardline, 2 shards × 2 nodes`,
        ]
        const label = { label: capital(load.replace(', 10 % inserts', '')), detail: people(callers) }
        return [
          rowOf(
            label,
            measured,
            series.map((each, index) => [each, names[index]] as const),
          ),
        ]
      },
    )
    return { title: orm, rows }
  })
  return drawPicture({
    title: 'The ORM you already use: throughput against the ORM alone',
    subtitle: 'The same queries on the same rows, 10 connections to each server. Longer is better.',
    description: `Throughput divided by that of the ORM alone, medians. ${inWords(panels)}`,
    series,
    panels,
    columns: 2,
    labelWidth: 104,
    footnote: footnote(part),
  })
}

function rowOf(
  { label, detail }: { readonly label: string; readonly detail: string },
  { variants }: Comparison,
  names: readonly (readonly [series: Series, variant: string | undefined])[],
): Row {
  const bars = names.flatMap(([series, name]) => {
    const variant = variants.find((each) => each.name === name)
    return variant === undefined ? [] : [{ series, ratio: variant.ratio }]
  })
  return { label, detail, bars }
}

function inWords(panels: readonly Panel[]): string {
  return panels
    .flatMap(({ title, rows }) =>
      rows.map(({ label, detail, bars }) => {
        const figures = bars.map((bar) => `${bar.series.name} ${bar.ratio.median.toFixed(2)}`)
        return `${title === undefined ? '' : `${title}, `}${label}, ${detail}: ${figures.join(', ')}.`
      }),
    )
    .join(' ')
}

function footnote({ machine, rounds }: PartResult): string {
  return `Medians of ${rounds} rounds in turn, whiskers from quartile to quartile; ${machine.cores} cores that also run the servers, Node ${machine.node.slice(1).split('.')[0]}.`
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
