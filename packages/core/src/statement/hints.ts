import { StatementError } from '../errors.ts'
import type { Hints } from './statement.ts'

/**
 * Directives in a comment: `/* shardline: role=primary, shard=eu0, tenant='a b', workload=training, consistency=strong *\/`.
 * A value is bare (letters, digits, `_ . : @ -`) or in quotes, in which a quote is doubled.
 */
const directives: ReadonlyMap<string, ReadonlySet<string> | undefined> = new Map([
  ['role', new Set(['replica', 'primary'])],
  ['consistency', new Set(['eventual', 'session', 'strong'])],
  ['shard', undefined],
  ['tenant', undefined],
  ['workload', undefined],
])

export const noHints: Hints = {}

/** Reads the directives out of a statement's comments. Throws StatementError HINT_INVALID. */
export function readHints(comments: readonly string[]): Hints {
  let hints: Hints = noHints
  for (const comment of comments) {
    const start = /^\s*shardline:/.exec(comment)
    if (start === null) continue
    hints = readDirectives(comment.slice(start[0].length), hints)
  }
  return hints
}

const directive = /\s*([A-Za-z_]\w*)\s*=\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([\w.:@-]+))\s*(,|$)/y

function readDirectives(text: string, known: Hints): Hints {
  const hints: Record<string, string> = { ...known }
  directive.lastIndex = 0
  for (;;) {
    const match = directive.exec(text)
    if (match === null) throw invalid('is not of the form name=value, name=value')
    const [, name = '', single, double, bare, separator] = match
    const value = single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? bare ?? ''
    const allowed = directives.get(name)
    if (!directives.has(name)) throw invalid(`has an unknown directive "${name}"`)
    if (name in hints) throw invalid(`gives "${name}" twice`)
    if (allowed !== undefined && !allowed.has(value)) {
      throw invalid(`gives "${name}" a value that is not one of ${[...allowed].join(', ')}`)
    }
    if (value === '') throw invalid(`gives "${name}" no value`)
    hints[name] = value
    if (separator === '') return hints
  }
}

function invalid(what: string): StatementError {
  return new StatementError(
    'HINT_INVALID',
    `The shardline comment ${what}. Known directives: ${[...directives.keys()].join(', ')}; for example /* shardline: role=primary, tenant='a b' */.`,
  )
}

/** The hints as text for a cache key: equal hints give equal text, in whatever order they were written. */
export function hintsKey(hints: Hints): string {
  if (hints === noHints) return ''
  return [...directives.keys()]
    .map((name) => {
      const value = hints[name as keyof Hints]
      return value === undefined ? '' : `${name}=${JSON.stringify(value)}`
    })
    .join()
}
