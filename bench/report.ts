import type { Spread, VariantFigures } from './interleave.ts'

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
      `${round(figure.value.min)} – ${round(figure.value.max)}`,
      figure.target === undefined
        ? 'stated'
        : `${figure.target.relation} ${figure.target.value} ${figure.unit}`.trim(),
      met === undefined ? '' : met ? 'met' : 'MISSED',
    ]
  })
  return table(['figure', 'median', 'min – max', 'target', ''], rows)
}

export function printVariants(title: string, variants: readonly VariantFigures[]): string {
  const rows = variants.map((variant) => [
    variant.name,
    round(variant.throughput.median),
    round(variant.cpuMicros.median),
    `${round(variant.ratio.median)} ×`,
    `${round(variant.ratio.min)} – ${round(variant.ratio.max)}`,
  ])
  return `${title}\n${table(['', 'per second', 'CPU µs', 'ratio', 'min – max'], rows)}`
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
