/**
 * A page of the documentation as a TypeScript program.
 *
 * Every `ts` block of a page is compiled, and those marked `ts run` are run as well. What the page has to set up for them
 * stands in comments that a reader does not see: `<!-- given … -->` for the whole page, `<!-- given here … -->` for the next
 * block. Each block is a function of its own, so that it may declare again what another one has; imports are hoisted.
 *
 * The program has the lines of its page: what the compiler or a stack trace says of line 40 is about line 40 of the page.
 */
export interface PageProgram {
  readonly text: string
  readonly blocks: readonly Block[]
}

export interface Block {
  /** The line of its opening fence, from 1. */
  readonly line: number
  readonly isRun: boolean
  /** What it is to print: its `// →` comments in order, or the `text` block right after it; undefined when it says nothing. */
  readonly prints: readonly string[] | undefined
}

const fence = /^```(\S*)\s*(.*)$/
const arrow = /\/\/ → (.*)$/

export function pageProgram(markdown: string, runner: string): PageProgram {
  const blocks: Block[] = []
  const imports = new Imports()
  let isFunctionOpen = false
  const open = (): string => {
    if (isFunctionOpen) return ''
    isFunctionOpen = true
    return `async function block${blocks.length}() {`
  }
  const source = markdown.split('\n')
  const lines: string[] = []
  while (lines.length < source.length) {
    const start = lines.length
    const line = source[start] ?? ''
    if (line === '<!-- given' || line === '<!-- given here') {
      const end = source.indexOf('-->', start)
      lines.push(line === '<!-- given' ? '' : open(), ...imports.takenFrom(source.slice(start + 1, end)), '')
      continue
    }
    const [, language, mark] = fence.exec(line) ?? []
    if (language === undefined) {
      lines.push('')
      continue
    }
    const end = source.indexOf('```', start + 1)
    const content = source.slice(start + 1, end)
    if (language !== 'ts' || mark === 'sketch') {
      lines.push(...source.slice(start, end + 1).map(() => ''))
      continue
    }
    lines.push(open(), ...imports.takenFrom(content), '}')
    isFunctionOpen = false
    blocks.push({ line: start + 1, isRun: mark === 'run', prints: promised(content, source.slice(end + 1)) })
  }
  const runs = blocks.flatMap(({ isRun, line }, index) => (isRun ? [`[${line}, block${index}]`] : []))
  lines[0] = `import { runBlocks } from ${JSON.stringify(runner)}; ${imports.text}; ${lines[0]}`
  lines.push(`await runBlocks([${runs.join(', ')}])`)
  return { text: lines.join('\n'), blocks }
}

function promised(content: readonly string[], after: readonly string[]): readonly string[] | undefined {
  const arrows = content.flatMap((line) => arrow.exec(line)?.[1] ?? [])
  if (arrows.length > 0) return arrows
  const start = after.findIndex((line) => line !== '')
  if (after[start] !== '```text') return undefined
  return [after.slice(start + 1, after.indexOf('```', start + 1)).join('\n')]
}

const importStatement =
  /^import (?:(type )?(?:(\w+)(?:, )?)?(?:\{([^}]*)\})? ?from )?'([^']+)'(?: \/\/.*)?$/gm

/** Imports of all blocks, each name once. */
class Imports {
  readonly #modules = new Map<string, { default: string | undefined; readonly names: Map<string, string> }>()

  /** The lines without their imports and exports. */
  takenFrom(lines: readonly string[]): readonly string[] {
    const rest = lines
      .join('\n')
      .replaceAll(importStatement, (statement, ...parts: (string | undefined)[]) => {
        const [type, byDefault, names, from = ''] = parts
        let known = this.#modules.get(from)
        if (known === undefined) this.#modules.set(from, (known = { default: undefined, names: new Map() }))
        known.default ??= byDefault
        for (const written of (names ?? '').split(',')) {
          const name = written.trim().replace(/^type /, '')
          if (name === '') continue
          const isType = type !== undefined || written.trim() !== name
          if (!isType || !known.names.has(name)) known.names.set(name, isType ? `type ${name}` : name)
        }
        return '\n'.repeat(statement.split('\n').length - 1)
      })
    return rest.split('\n').map((line) => line.replace(/^export /, ''))
  }

  get text(): string {
    return [...this.#modules]
      .map(([from, { default: byDefault, names }]) => {
        const what = [byDefault, names.size === 0 ? undefined : `{ ${[...names.values()].join(', ')} }`]
        const said = what.filter((part) => part !== undefined).join(', ')
        return said === '' ? `import '${from}'` : `import ${said} from '${from}'`
      })
      .join('; ')
  }
}
