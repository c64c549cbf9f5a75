/** Draws the charts and states the figures in the README from `bench/results/latest.json`; `pnpm bench` does so at its end. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawCharts } from './chart/pictures.ts'
import { stateFigures } from './readme-figures.ts'
import { latest, readResults } from './results-file.ts'

export function publish(): void {
  const results = readResults(latest)
  for (const [name, svg] of Object.entries(drawCharts(results)))
    writeFileSync(join(import.meta.dirname, 'results', name), svg)
  const readme = join(import.meta.dirname, '../README.md')
  writeFileSync(readme, stateFigures(readFileSync(readme, 'utf8'), results))
}

if (import.meta.main) publish()
