import type { Spread } from '../spread.ts'

/** What has a bar in every row, and its colour: greys for others, colours for Shardline. */
export interface Series {
  readonly name: string
  readonly colour: 'pale' | 'grey' | 'own' | 'second'
}

export interface Bar {
  readonly series: Series
  readonly ratio: Spread
}

/** Bars that are compared with each other, and what was measured. */
export interface Row {
  readonly label: string
  readonly detail: string
  readonly bars: readonly Bar[]
}

export interface Panel {
  readonly title: string | undefined
  readonly rows: readonly Row[]
}

export interface Frame {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly labelWidth: number
  /** The ratio at the right end of the axis. */
  readonly most: number
}

const bar = 11
const betweenBars = 3
const betweenRows = 14
/** The axis, and the title above it. */
const axisHeight = 26
const titleHeight = 24
const foot = 8
/** Room for the figure behind the longest bar. */
const figureWidth = 46

const rowHeight = (row: Row): number => row.bars.length * (bar + betweenBars) - betweenBars

const headHeight = ({ title }: Panel): number => axisHeight + (title === undefined ? 0 : titleHeight)

export function panelHeight(panel: Panel): number {
  return headHeight(panel) + panel.rows.reduce((sum, row) => sum + rowHeight(row) + betweenRows, 0) + foot
}

/** Bars from zero, a line at one, whiskers from quartile to quartile, and each median in figures. */
export function drawPanel(panel: Panel, { x, y, width, labelWidth, most }: Frame): string {
  const left = x + labelWidth
  const right = x + width - figureWidth
  const at = (ratio: number): number => left + ((right - left) * Math.min(ratio, most)) / most
  const bottom = y + panelHeight(panel) - foot
  const head = headHeight(panel)
  const parts: string[] = []
  if (panel.title !== undefined)
    parts.push(`<text class="panel" x="${x}" y="${y + 14}">${escape(panel.title)}</text>`)
  for (const tick of ticks(most)) {
    const isOne = tick === 1
    parts.push(
      `<line class="${isOne ? 'one' : 'grid'}" x1="${n(at(tick))}" x2="${n(at(tick))}" y1="${y + head - 8}" y2="${n(bottom)}"/>`,
      `<text class="${isOne ? 'tick strong' : 'tick'}" text-anchor="middle" x="${n(at(tick))}" y="${y + head - 14}">${tick} ×</text>`,
    )
  }
  let top = y + head
  for (const row of panel.rows) {
    const middle = top + rowHeight(row) / 2
    parts.push(
      `<text class="label" x="${x}" y="${n(middle - 2)}">${escape(row.label)}</text>`,
      `<text class="detail" x="${x}" y="${n(middle + 12)}">${escape(row.detail)}</text>`,
      ...row.bars.map((each, index) => drawBar(each, { left, at, y: top + index * (bar + betweenBars) })),
    )
    top += rowHeight(row) + betweenRows
  }
  return parts.join('\n')
}

interface Place {
  readonly left: number
  readonly at: (ratio: number) => number
  readonly y: number
}

function drawBar({ series, ratio }: Bar, { left, at, y }: Place): string {
  const [from, to, end] = [at(ratio.q1), at(ratio.q3), at(ratio.median)]
  const middle = y + bar / 2
  return [
    `<rect class="${series.colour}" x="${left}" y="${n(y)}" width="${n(end - left)}" height="${bar}" rx="2"/>`,
    `<path class="whisker" d="M${n(from)} ${n(middle)}H${n(to)}M${n(from)} ${n(middle - 3)}v6M${n(to)} ${n(middle - 3)}v6"/>`,
    `<text class="figure of-${series.colour}" x="${n(Math.max(to, end) + 6)}" y="${n(middle + 4)}">${ratio.median.toFixed(2)}</text>`,
  ].join('\n')
}

/** Where the axis ends, so that every whisker is on it. */
export function axisEnd(panels: readonly Panel[]): number {
  const all = panels.flatMap(({ rows }) => rows.flatMap(({ bars }) => bars.map(({ ratio }) => ratio.q3)))
  return Math.ceil(Math.max(1.25, ...all) * 4) / 4
}

function ticks(most: number): readonly number[] {
  const step = most > 5 ? 2 : most > 2.5 ? 1 : 0.5
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step).concat(
    step > 1 ? [1] : [],
  )
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** Tenths of a pixel are enough, and keep the file short. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}
