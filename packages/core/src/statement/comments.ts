/**
 * Finding comments exactly where PostgreSQL's scanner (src/backend/parser/scan.l) finds them: not in strings,
 * E-strings, quoted identifiers or dollar quotes, and with nested block comments. Assumes
 * `standard_conforming_strings = on`, as the parser does.
 */
export interface Uncommented {
  /** The text with every comment replaced by a space; the same string when there is none. */
  readonly text: string
  /** The contents of the comments, without their delimiters. */
  readonly comments: readonly string[]
}

const noComments: readonly string[] = []

/** True for a text that may hold a comment; the scan is only worth its while then. */
export function mayHaveComments(text: string): boolean {
  return text.includes('/*') || text.includes('--')
}

/**
 * Takes the comments out. Two stay, because they mean something: a planner hint (`/*+ … *\/`), and an empty one after a
 * string, where PostgreSQL refuses what it would otherwise read as a continued string.
 */
export function removeComments(text: string): Uncommented {
  if (!mayHaveComments(text)) return { text, comments: noComments }
  const comments: string[] = []
  let kept = ''
  let copied = 0
  let afterString = false
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    if (code === slash && text.charCodeAt(at + 1) === star) {
      const end = endOfBlock(text, at)
      // Unterminated: a syntax error, which is told about the text as it is.
      if (end < 0) return { text, comments: noComments }
      if (text.charCodeAt(at + 2) !== plus) {
        comments.push(text.slice(at + 2, end - 2))
        kept += text.slice(copied, at) + (afterString ? '/**/' : ' ')
        copied = end
      }
      at = end
      continue
    }
    if (code === dash && text.charCodeAt(at + 1) === dash) {
      const end = endOfLine(text, at)
      comments.push(text.slice(at + 2, end))
      kept += `${text.slice(copied, at)} `
      copied = end
      at = end
      continue
    }
    at = endOfToken(text, at)
    if (!isSpace(code)) afterString = text.charCodeAt(at - 1) === quote
  }
  return comments.length === 0
    ? { text, comments: noComments }
    : { text: kept + text.slice(copied), comments }
}

const slash = 0x2f
const star = 0x2a
const plus = 0x2b
const dash = 0x2d
const quote = 0x27
const doubleQuote = 0x22
const dollar = 0x24
const backslash = 0x5c

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

function isIdentifierStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code >= 0x80
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** The index after the token at `at`, which is no comment; a character that starts no long token is its own. */
export function endOfToken(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code === quote) return endOfQuoted(text, at, quote)
  if (code === doubleQuote) return endOfQuoted(text, at, doubleQuote)
  if (code === dollar) return endOfDollarQuote(text, at)
  if (!isIdentifierStart(code)) return at + 1
  const end = endOfIdentifier(text, at)
  const isEscape = end === at + 1 && (code === 0x65 || code === 0x45) && text.charCodeAt(end) === quote
  return isEscape ? endOfEscapeString(text, end) : end
}

function endOfIdentifier(text: string, at: number): number {
  let end = at + 1
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (!isIdentifierStart(code) && !isDigit(code) && code !== dollar) break
  }
  return end
}

/** A doubled quote is two strings in a row here, which ends at the same place. */
function endOfQuoted(text: string, at: number, delimiter: number): number {
  const end = text.indexOf(delimiter === quote ? "'" : '"', at + 1)
  return end < 0 ? text.length : end + 1
}

/**
 * The end of an E-string whose first quote is at `at`. After a line break a further quoted part continues it, in which
 * backslashes escape as well; line comments may stand in between.
 */
function endOfEscapeString(text: string, at: number): number {
  let end = at + 1
  for (;;) {
    for (; end < text.length && text.charCodeAt(end) !== quote; end++) {
      if (text.charCodeAt(end) === backslash) end++
    }
    if (end >= text.length) return text.length
    end++
    if (text.charCodeAt(end) === quote) {
      end++
      continue
    }
    const next = continuation(text, end)
    if (next < 0) return end
    end = next + 1
  }
}

/** The index of the quote that continues a string ended before `at`, or -1. */
function continuation(text: string, at: number): number {
  let hasLineBreak = false
  for (let index = at; index < text.length;) {
    const code = text.charCodeAt(index)
    if (code === quote) return hasLineBreak ? index : -1
    if (code === dash && text.charCodeAt(index + 1) === dash) {
      index = endOfLine(text, index)
      continue
    }
    if (!isSpace(code)) return -1
    if (code === 0x0a || code === 0x0d) hasLineBreak = true
    index++
  }
  return -1
}

function endOfDollarQuote(text: string, at: number): number {
  let end = at + 1
  if (isIdentifierStart(text.charCodeAt(end))) {
    for (end++; end < text.length; end++) {
      const code = text.charCodeAt(end)
      if (!isIdentifierStart(code) && !isDigit(code)) break
    }
  }
  // `$1`, or a lone dollar.
  if (text.charCodeAt(end) !== dollar) return at + 1
  const tag = text.slice(at, end + 1)
  const close = text.indexOf(tag, end + 1)
  return close < 0 ? text.length : close + tag.length
}

function endOfLine(text: string, at: number): number {
  for (let end = at; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code === 0x0a || code === 0x0d) return end
  }
  return text.length
}

/** Block comments nest. */
function endOfBlock(text: string, at: number): number {
  let depth = 0
  for (let end = at; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code === slash && text.charCodeAt(end + 1) === star) {
      depth++
      end++
    } else if (code === star && text.charCodeAt(end + 1) === slash) {
      depth--
      end++
      if (depth === 0) return end + 1
    }
  }
  return -1
}
