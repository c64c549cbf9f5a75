/**
 * The words of a statement with their places: what the parse tree does not tell, because it has the start of most
 * expressions and the end of none. Whatever is cut by these places is parsed again and its tree compared, so a
 * mistake here makes a refusal and not a wrong statement.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'operator' | 'punctuation'
  /** String indices, the end exclusive. */
  readonly start: number
  readonly end: number
  /** Lower-case for words, as written for everything else. */
  readonly text: string
  /** How many parentheses and brackets it lies in; they themselves count as outside. */
  readonly depth: number
}

// One alternative per token kind, in an order such that the longest reading wins.
const lexer = new RegExp(
  [
    String.raw`(?<space>[ \t\n\r\f\v]+|--[^\n\r]*)`,
    String.raw`(?<string>[eE]'(?:[^'\\]|''|\\[\s\S])*'|(?:[uU]&|[bBxXnN])?'(?:[^']|'')*')`,
    String.raw`(?<dollar>\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$)`,
    String.raw`(?<quoted>(?:[uU]&)?"(?:[^"]|"")*")`,
    String.raw`(?<word>[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*)`,
    String.raw`(?<parameter>\$\d+)`,
    String.raw`(?<number>0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d[\d_]*)?)`,
    String.raw`(?<punctuation>::|:=|\.\.|[()[\],;:.])`,
    String.raw`(?<operator>(?:(?!--|\/\*)[-+*/<>=~!@#%^&|${'`'}?])+)`,
  ].join('|'),
  'y',
)

/** The text's tokens; undefined when it has something that is none (the caller then cannot rewrite it). */
export function tokenize(text: string): readonly Token[] | undefined {
  const tokens: Token[] = []
  let depth = 0
  for (let start = 0; start < text.length;) {
    if (text.startsWith('/*', start)) {
      start = endOfComment(text, start)
      continue
    }
    lexer.lastIndex = start
    const groups = lexer.exec(text)?.groups
    if (groups === undefined) return undefined
    let end = lexer.lastIndex
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined)
    if (kind === 'dollar') {
      const tag = text.slice(start, end)
      const close = text.indexOf(tag, end)
      if (close === -1) return undefined
      end = close + tag.length
      tokens.push({ kind: 'string', start, end, text: text.slice(start, end), depth })
    } else if (kind !== undefined && kind !== 'space') {
      const word = text.slice(start, end)
      if (word === ')' || word === ']') depth -= 1
      tokens.push({
        kind: kind as Token['kind'],
        start,
        end,
        text: kind === 'word' ? word.toLowerCase() : word,
        depth,
      })
      if (word === '(' || word === '[') depth += 1
    }
    start = end
  }
  return tokens
}

/** Comments nest. */
function endOfComment(text: string, start: number): number {
  let level = 0
  for (let index = start; index < text.length; index++) {
    if (text.startsWith('/*', index)) {
      level += 1
      index += 1
    } else if (text.startsWith('*/', index)) {
      level -= 1
      index += 1
      if (level === 0) return index + 1
    }
  }
  return text.length
}

/** A run of tokens, the end exclusive. */
export interface TokenRange {
  readonly first: number
  readonly end: number
}

/** Where the clauses of the statement's outermost SELECT stand. */
export interface SelectClauses {
  readonly tokens: readonly Token[]
  /** The select list, without DISTINCT. */
  readonly targets: readonly TokenRange[]
  readonly distinctOn: readonly TokenRange[]
  readonly groupBy: readonly TokenRange[]
  /** From the word HAVING to the end of the condition. */
  readonly having: TokenRange | undefined
  readonly orderBy: readonly TokenRange[]
  /** The word FIRST or NEXT of FETCH. */
  readonly fetch: number | undefined
}

const clauseWords: ReadonlySet<string> = new Set(
  'from into where group having window order limit offset fetch for union intersect except'.split(' '),
)

/** Finds the clauses of a plain SELECT (no set operation), also when it stands in parentheses or after WITH. */
export function findClauses(tokens: readonly Token[]): SelectClauses | undefined {
  const select = findSelect(tokens)
  if (select === undefined) return undefined
  const ranges = new Map<string, TokenRange>()
  let name = 'select'
  let first = select.index + 1
  let depth = select.depth
  let index = first
  const close = (end: number): void => {
    if (!ranges.has(name)) ranges.set(name, { first, end })
  }
  for (; index < tokens.length; index++) {
    const token = tokens[index]
    if (token === undefined) break
    if (token.text === ')' && token.depth < depth) {
      // The SELECT's own parentheses end; ORDER BY and LIMIT may follow behind them.
      close(index)
      depth = token.depth
      name = ')'
      continue
    }
    if (token.depth !== depth) continue
    if (token.kind === 'punctuation' && token.text === ';') break
    if (token.kind !== 'word' || !clauseWords.has(token.text) || !startsClause(tokens, index, name)) continue
    close(index)
    name = token.text
    first = index + 1
  }
  close(index)
  return readClauses(tokens, ranges)
}

function startsClause(tokens: readonly Token[], index: number, current: string): boolean {
  const word = tokens[index]?.text
  const before = tokens[index - 1]
  const isPlainWord = before?.kind === 'word'
  if (before?.text === '.' || (isPlainWord && before.text === 'as')) return false
  if (word === 'group' || word === 'order') return tokens[index + 1]?.text === 'by'
  // IS DISTINCT FROM in the select list, and ROWS FROM behind the clause's own word.
  if (word === 'from') return current === 'select' && !(isPlainWord && before.text === 'distinct')
  return true
}

interface SelectPlace {
  readonly index: number
  readonly depth: number
}

/** The outermost SELECT: behind WITH and behind parentheses around the whole statement. */
function findSelect(tokens: readonly Token[]): SelectPlace | undefined {
  let depth = 0
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]
    if (token === undefined || token.depth !== depth) continue
    if (token.kind === 'word' && token.text === 'select') return { index, depth }
    const before = tokens[index - 1]
    // Behind a name or AS the parenthesis belongs to WITH; behind another one it is around the SELECT.
    const isAround = before === undefined || before.text === '(' || before.text === ')'
    if (token.text === '(' && isAround) depth += 1
  }
  return undefined
}

function readClauses(
  tokens: readonly Token[],
  ranges: ReadonlyMap<string, TokenRange>,
): SelectClauses | undefined {
  const list = ranges.get('select')
  if (list === undefined) return undefined
  let first = list.first
  let distinctOn: TokenRange[] = []
  const firstWord = tokens[first]?.text
  if (tokens[first]?.kind === 'word' && (firstWord === 'all' || firstWord === 'distinct')) {
    first += 1
    if (firstWord === 'distinct' && tokens[first]?.text === 'on' && tokens[first]?.kind === 'word') {
      const end = closing(tokens, first + 1)
      distinctOn = splitAtCommas(tokens, { first: first + 2, end })
      first = end + 1
    }
  }
  const by = (name: string): TokenRange[] => {
    const range = ranges.get(name)
    return range === undefined ? [] : splitAtCommas(tokens, { first: range.first + 1, end: range.end })
  }
  const having = ranges.get('having')
  const fetch = ranges.get('fetch')
  return {
    tokens,
    targets: splitAtCommas(tokens, { first, end: list.end }),
    distinctOn,
    groupBy: by('group'),
    having: having === undefined ? undefined : { first: having.first - 1, end: having.end },
    orderBy: by('order'),
    fetch: fetch?.first,
  }
}

/** The index of the bracket that closes the one at `open`. */
export function closing(tokens: readonly Token[], open: number): number {
  const depth = tokens[open]?.depth ?? 0
  let index = open + 1
  while (index < tokens.length && (tokens[index]?.depth ?? 0) > depth) index += 1
  return index
}

function splitAtCommas(tokens: readonly Token[], { first, end }: TokenRange): TokenRange[] {
  if (first >= end) return []
  const depth = tokens[first]?.depth
  const parts: TokenRange[] = []
  let start = first
  for (let index = first; index < end; index++) {
    const token = tokens[index]
    if (token?.text !== ',' || token.depth !== depth) continue
    parts.push({ first: start, end: index })
    start = index + 1
  }
  parts.push({ first: start, end })
  return parts
}
