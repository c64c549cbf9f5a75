import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { VariantFigures } from './interleave.ts'
import type { Figure } from './report.ts'

/** One variant of a comparison as it is kept: the rounds are summed up. */
export type KeptVariant = Omit<VariantFigures, 'rounds' | 'addedCpuMicros'>

export interface Comparison {
  readonly load: string
  readonly variants: readonly KeptVariant[]
}

/** What one part of the suite found, and where: parts may have been run on different days and machines. */
export interface PartResult {
  readonly machine: {
    readonly node: string
    readonly cores: number
    readonly processor: string | undefined
    readonly kernel: string
    readonly memoryGiB: number
  }
  readonly rounds: number
  readonly figures: readonly Figure[]
  readonly comparisons: readonly Comparison[]
}

export type Results = Readonly<Record<string, PartResult>>

export const latest: string = join(import.meta.dirname, 'results/latest.json')

export function thisMachine(): PartResult['machine'] {
  return {
    node: process.version,
    cores: cpus().length,
    processor: cpus()[0]?.model,
    kernel: release(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

export function keep(load: string, variants: readonly VariantFigures[]): Comparison {
  const sum = ({ rounds: _rounds, addedCpuMicros: _added, ...kept }: VariantFigures): KeptVariant => kept
  return { load, variants: variants.map(sum) }
}

export function readResults(file: string): Results {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

/** Puts a part's result in the place of its last one; the others stay. */
export function writePart(file: string, part: string, result: PartResult): void {
  mkdirSync(dirname(file), { recursive: true })
  const results = { ...readResults(file), [part]: result }
  writeFileSync(file, `${onOneLine(JSON.stringify(results, shorten, 2))}\n`)
}

/** Four digits say all that such a figure knows. */
function shorten(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isInteger(value)) return Number(value.toPrecision(4))
  return value
}

/** A spread or a target is one thing to a reader, and to whoever compares two runs. */
function onOneLine(json: string): string {
  return json.replaceAll(/\{\s+"(?:median|relation)": [^}]+\}/g, (text) => text.replaceAll(/\s+/g, ' '))
}
