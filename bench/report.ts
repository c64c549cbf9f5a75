import type { VariantFigures } from './interleave.ts'
import type { Spread } from './spread.ts'

/** One line of the result: what was measured, against which target. */
export interface Figure {
  readonly what: string
  readonly value: Spread
  readonly unit: string
  /** `undefined` when the figure is only stated. */
  readonly target: { readonly relation: '≥' | '≤'; readonly value: number } | undefined
}

function isMet(figure: Figure): boolean | undefined {
  if (figure.target === undefined) return undefined
  return figure.target.relation === '≥'
    ? figure.value.median >= figure.target.value
    : figure.value.median <= figure.target.value
}

export function printFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const met = isMet(figure)
    return [
      figure.what,
      `${round(figure.value.median)} ${figure.unit}`.trim(),
      `${round(figure.value.q1)} – ${round(figure.value.q3)}`,
      figure.target === undefined
        ? 'stated'
        : `${figure.target.relation} ${figure.target.value} ${figure.unit}`.trim(),
      met === undefined ? '' : met ? 'met' : 'MISSED',
    ]
  })
  return table(['figure', 'median', 'quartiles', 'target', ''], rows)
}

export function printVariants(title: string, variants: readonly VariantFigures[]): string {
  const rows = variants.map((variant) => [
    variant.name,
    round(variant.throughput.median),
    round(variant.p50Ms.median),
    round(variant.p99Ms.median),
    `${round(variant.cpuMicros.median)}${variant.poolerCpuMicros ? ` + ${round(variant.poolerCpuMicros.median)}` : ''}`,
    `${round(variant.ratio.median)} ×`,
    `${round(variant.ratio.q1)} – ${round(variant.ratio.q3)}`,
  ])
  const head = ['', 'per second', 'p50 ms', 'p99 ms', 'CPU µs (+ pooler)', 'ratio', 'quartiles']
  return `${title}\n${table(head, rows)}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}

export function round(value: number): string {
  if (Math.abs(value) >= 1000) return String(Math.round(value))
  if (Math.abs(value) >= 10) return value.toFixed(1)
  return value.toFixed(3)
}
