import { axisEnd, drawPanel, escape, panelHeight, type Panel, type Series } from './panel.ts'

export interface Picture {
  readonly title: string
  /** What is compared, under the title. */
  readonly subtitle: string
  /** For those who do not see it: what it shows, in words. */
  readonly description: string
  readonly series: readonly Series[]
  readonly panels: readonly Panel[]
  readonly columns: number
  readonly labelWidth: number
  readonly footnote: string
}

// The card brings its own ground: a page's theme may be another one than the reader's system says.
const style = `
  .ground { fill: #ffffff; stroke: #d1d9e0 }
  text { font-family: -apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', Helvetica, Arial, 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .title { font-size: 19px; font-weight: 600 }
  .panel { font-size: 15px; font-weight: 600 }
  .label, .legend { font-size: 13px }
  .subtitle { font-size: 13px; fill: #59636e }
  .detail, .tick, .note { font-size: 11.5px; fill: #59636e }
  .strong { font-weight: 600; fill: #1f2328 }
  .figure { font-size: 11.5px; font-variant-numeric: tabular-nums; fill: #59636e; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
  .grid { stroke: #e4e8ec }
  .one { stroke: #1f2328; stroke-width: 1.25; stroke-dasharray: 3 2.5 }
  .whisker { stroke: #1f2328; stroke-opacity: .65; fill: none }
  .pale { fill: #c3cad2 } .grey { fill: #98a2ad } .own { fill: #5b5bd6 } .second { fill: #12a594 }
  .of-own, .of-second { font-weight: 600; fill: #1f2328 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d }
    text, .strong, .of-own, .of-second { fill: #e6edf3 }
    .subtitle, .detail, .tick, .note, .figure { fill: #9198a1 }
    .tick.strong, .figure.of-own, .figure.of-second { fill: #e6edf3 }
    .figure { stroke: #0d1117 }
    .grid { stroke: #21262d }
    .one, .whisker { stroke: #e6edf3 }
    .pale { fill: #3d444d } .grey { fill: #656c76 } .own { fill: #7c7cf0 } .second { fill: #0eb39e }
  }`

const width = 880
const margin = 28
const gutter = 36

/** An SVG that stands alone: light or dark as its reader's system is, with its content in words. */
export function drawPicture(picture: Picture): string {
  const { panels, columns, labelWidth, series } = picture
  const most = axisEnd(panels)
  const columnWidth = (width - 2 * margin - gutter * (columns - 1)) / columns
  const parts: string[] = []
  let y = 124
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns)
    row.forEach((panel, column) => {
      const x = margin + column * (columnWidth + gutter)
      parts.push(drawPanel(panel, { x, y, width: columnWidth, labelWidth, most }))
    })
    y += Math.max(...row.map(panelHeight)) + 18
  }
  const height = y + 24
  let legendX = margin
  const legend = series.map(({ name, colour }) => {
    const at = legendX
    legendX += 44 + name.length * 6.6
    return `<rect class="${colour}" x="${at}" y="84" width="14" height="11" rx="2"/><text class="legend" x="${at + 20}" y="94">${escape(name)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escape(picture.title)}</title>
<desc id="desc">${escape(picture.description)}</desc>
<style>${style}
</style>
<rect class="ground" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="10"/>
<text class="title" x="${margin}" y="40">${escape(picture.title)}</text>
<text class="subtitle" x="${margin}" y="62">${escape(picture.subtitle)}</text>
${legend.join('\n')}
${parts.join('\n')}
<text class="note" x="${margin}" y="${height - 20}">${escape(picture.footnote)}</text>
</svg>
`
}
