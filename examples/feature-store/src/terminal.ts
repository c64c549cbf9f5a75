// Plain text first: colours and the moving progress line only where a person is watching.
const isWatched = process.stdout.isTTY && !process.env['NO_COLOR']
const style = (code: number) => (text: string) => (isWatched ? `\u001b[${code}m${text}\u001b[0m` : text)

export const bold = style(1)
export const dim = style(2)
export const red = style(31)
export const green = style(32)
export const yellow = style(33)
export const cyan = style(36)

// some terminals, recorders among them, say that they have no columns
const width = Math.min(Math.max(process.stdout.columns || 100, 60), 110)

export function print(text = ''): void {
  process.stdout.write(`${text}\n`)
}

export const thousands = (count: number) => count.toLocaleString('en-US')

/** Breaks a text at spaces; every line after the first one is indented as far as the first. */
export function wrap(text: string, indent: number, paint: (line: string) => string = (line) => line): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + paint(each)).join('\n')
}

/** One line that says how far something is, and in the end how it went. Off a terminal only the end is printed. */
export function startProgress(label: string, total: number) {
  const bar = 24
  return {
    update: (done: number) => {
      if (!isWatched) return
      const filled = Math.round((done / total) * bar)
      process.stdout.write(
        `\r    ${label}  ${'█'.repeat(filled)}${dim('░'.repeat(bar - filled))}  ${thousands(done)}`,
      )
    },
    finish: (summary: string) => {
      process.stdout.write(`${isWatched ? '\r\u001b[K' : ''}    ${green('✓')} ${label}  ${summary}\n`)
    },
  }
}

function cell(value: unknown): string {
  if (value === null) return '–'
  if (value instanceof Date) return value.toISOString().slice(0, 16).replace('T', ' ').replace(' 00:00', '')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The first rows of a result, in columns. */
export function table(rows: readonly Record<string, unknown>[], most: number, indent: number): string {
  const [first] = rows
  if (first === undefined) return ''
  const names = Object.keys(first)
  const cells = rows.slice(0, most).map((row) => names.map((name) => cell(row[name])))
  const widths = names.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at]?.length ?? 0)))
  const isNumber = names.map((_, at) => cells.every((row) => /^-?[\d.]+$|^–$/.test(row[at] ?? '')))
  const align = (row: readonly string[]) =>
    ' '.repeat(indent) +
    row
      .map((text, at) => (isNumber[at] ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0)))
      .join('   ')
      .trimEnd()
  const rest = rows.length - cells.length
  return [
    dim(align(names)),
    ...cells.map(align),
    ...(rest > 0 ? [dim(`${' '.repeat(indent)}… ${thousands(rest)} more`)] : []),
  ].join('\n')
}
