import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** Runs a program of this folder on the Node that runs us, and returns what it prints, as JSON. */
export async function runProgram(name: string, words: readonly string[], flags: readonly string[] = []) {
  const { stdout } = await run(process.execPath, [...flags, join(import.meta.dirname, name), ...words])
  return JSON.parse(stdout) as unknown
}

/** Shardline as its users get it: compiled. From source, Node would strip the types of every file at each start. */
export async function builtCore(): Promise<string> {
  await run(join(root, 'node_modules/.bin/tsc'), ['-b', 'packages/core'], { cwd: root })
  return join(root, 'packages/core/dist/index.js')
}

export interface FirstAnswer {
  /** From the start of the process to the answer, milliseconds. */
  readonly wholeMs: number
  /** From the first import to the answer, milliseconds. */
  readonly ownMs: number
  readonly heapMiB: number
  readonly rssMiB: number
}

export async function firstAnswer(
  way: 'pg' | 'shardline',
  url: string,
  { core, flags = [] }: { readonly core: string; readonly flags?: readonly string[] },
): Promise<FirstAnswer> {
  return (await runProgram('first-answer.ts', [way, url, core], flags)) as FirstAnswer
}
