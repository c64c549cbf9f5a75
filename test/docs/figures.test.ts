import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { drawCharts } from '../../bench/chart/pictures.ts'
import { stateFigures } from '../../bench/readme-figures.ts'
import { latest, readResults, thisMachine, writePart, type PartResult } from '../../bench/results-file.ts'

const root = resolve(import.meta.dirname, '../..')
const results = readResults(latest)

test('the README states the latest figures', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  expect(readme, 'node bench/publish.ts states them').toBe(stateFigures(readme, results))
})

test.each(Object.entries(drawCharts(results)))('%s shows the latest figures', (name, svg) => {
  expect(readFileSync(join(root, 'bench/results', name), 'utf8'), 'node bench/publish.ts draws it').toBe(svg)
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`(bench/results/${name})`)
})

test('both charts are there', () => {
  expect(Object.keys(drawCharts(results))).toEqual(['peers.svg', 'orms.svg'])
})

test('a part that is run again takes the place of its own result only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shardline-results-'))
  try {
    const file = join(folder, 'results.json')
    const result = (rounds: number): PartResult => ({
      machine: thisMachine(),
      rounds,
      figures: [],
      comparisons: [],
    })
    writePart(file, 'peers', result(1))
    writePart(file, 'orms', result(2))
    writePart(file, 'peers', result(3))
    expect(readResults(file)).toEqual({ peers: result(3), orms: result(2) })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
