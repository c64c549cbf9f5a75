import { format } from 'node:util'

/** What a page's process says on its output: a JSON number before each block (its line), a JSON string for each print. */
function say(what: number | string): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** Runs blocks of a page one after the other, and ends the process: a page need not end what it opened. */
export async function runBlocks(blocks: readonly (readonly [number, () => Promise<void>])[]): Promise<void> {
  console.log = (...args: unknown[]) => say(format(...args))
  for (const [line, block] of blocks) {
    say(line)
    await block()
  }
  process.exit(0)
}
