/**
 * `pnpm bench`: every figure that the README states, measured side by side in one run on a cluster of the local kind.
 * Prints tables with medians and ratios, keeps them as JSON in `bench/results/latest.json`.
 *
 *   pnpm bench                 everything
 *   pnpm bench -- --quick      fewer rounds, to see that it runs
 *   pnpm bench -- point scan   only the named parts
 *   pnpm bench -- --rounds=5   another number of rounds than 11
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { multiplexFigures } from './multiplex.ts'
import { ormFigures } from './orms.ts'
import type { BenchOptions } from './options.ts'
import { planFigures } from './plans.ts'
import { pointFigures } from './point-select.ts'
import { printFigures, type Figure } from './report.ts'
import { scanFigures } from './scan.ts'
import { shardingFigures } from './sharding.ts'

const parts: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Figure[]>>> = {
  point: pointFigures,
  multiplex: multiplexFigures,
  orms: ormFigures,
  scan: scanFigures,
  plans: planFigures,
  sharding: shardingFigures,
}

const words = process.argv.slice(2).filter((word) => word !== '--')
const rounds = Number(words.find((word) => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? 11)
const options: BenchOptions = words.includes('--quick') ? { rounds: 3, scale: 0.1 } : { rounds, scale: 1 }
const chosen = words.filter((word) => !word.startsWith('--'))
const unknown = chosen.find((word) => !Object.hasOwn(parts, word))
if (unknown !== undefined) {
  console.error(`There is no part "${unknown}". Parts: ${Object.keys(parts).join(', ')}.`)
  process.exit(2)
}

const figures: Figure[] = []
for (const [name, measure] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  console.log(`\n${name}`)
  figures.push(...(await measure(options)))
}
console.log(`\n${printFigures(figures)}`)

const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
writeFileSync(
  join(folder, 'latest.json'),
  `${JSON.stringify(
    {
      node: process.version,
      cores: cpus().length,
      processor: cpus()[0]?.model,
      kernel: release(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      options,
      figures,
    },
    undefined,
    2,
  )}\n`,
)
