/**
 * `pnpm bench`: every figure that the README states, measured side by side in one run on a cluster of the local kind.
 * Prints tables with medians and ratios, keeps each part's results in `bench/results/latest.json`, draws the charts and states the figures in the README.
 *
 *   pnpm bench                 everything, in about 20 minutes
 *   pnpm bench -- --quick      a few short rounds of everything, to see that it runs; leaves the results alone
 *   pnpm bench -- peers scan   only the named parts; the results of the others stay
 *   pnpm bench -- --rounds=5   another number of rounds than 21
 */
import { join } from 'node:path'
import { hotPathFigures } from './hot-path.ts'
import { batchFigures } from './batch.ts'
import { publish } from './publish.ts'
import { manyShardsFigures } from './many-shards.ts'
import { memoryFigures } from './memory.ts'
import { mixedFigures } from './mixed.ts'
import type { Part } from './options.ts'
import { ormFigures } from './orms.ts'
import { peerFigures } from './peers.ts'
import { planFigures } from './plans.ts'
import { pointFigures } from './point-select.ts'
import { printFigures, printVariants, type Figure } from './report.ts'
import { keep, latest, thisMachine, writePart, type Comparison } from './results-file.ts'
import { scanFigures } from './scan.ts'
import { shardingFigures } from './sharding.ts'
import { startUpFigures } from './start-up.ts'

const parts: Readonly<Record<string, Part>> = {
  point: pointFigures,
  peers: peerFigures,
  mixed: mixedFigures,
  orms: ormFigures,
  shards: manyShardsFigures,
  scan: scanFigures,
  batch: batchFigures,
  'start-up': startUpFigures,
  memory: memoryFigures,
  plans: planFigures,
  'hot-path': hotPathFigures,
  sharding: shardingFigures,
}

const words = process.argv.slice(2).filter((word) => word !== '--')
const isQuick = words.includes('--quick')
const rounds = Number(
  words.find((word) => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? (isQuick ? 2 : 21),
)
const chosen = words.filter((word) => !word.startsWith('--'))
const unknown = chosen.find((word) => !Object.hasOwn(parts, word))
if (unknown !== undefined) {
  console.error(`There is no part "${unknown}". Parts: ${Object.keys(parts).join(', ')}.`)
  process.exit(2)
}

const file = isQuick ? join(import.meta.dirname, 'results/quick.tmp.json') : latest
const all: Figure[] = []
for (const [name, measure] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  console.log(`\n== ${name}\n`)
  const comparisons: Comparison[] = []
  const start = performance.now()
  const figures = await measure({
    rounds,
    scale: isQuick ? 0.1 : 1,
    roundMs: isQuick ? 40 : 120,
    record(load, variants) {
      console.log(`${printVariants(load, variants)}\n`)
      comparisons.push(keep(load, variants))
    },
  })
  console.log(`${name} took ${Math.round((performance.now() - start) / 1000)} s`)
  writePart(file, name, { machine: thisMachine(), rounds, figures, comparisons })
  all.push(...figures)
}
console.log(`\n${printFigures(all)}`)
if (!isQuick) publish()
