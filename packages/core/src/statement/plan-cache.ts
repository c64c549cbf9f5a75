import { createHash } from 'node:crypto'
import { analyseText, learnPrimary, readSource } from './analyse.ts'
import { emptyCatalog, type Catalog } from './catalog.ts'
import { mayHaveComments } from './comments.ts'
import { hintsKey, noHints } from './hints.ts'
import type { Hints, Statement } from './statement.ts'

export interface PlanCacheOptions {
  /** Plans kept at most. Default 10,000. */
  readonly maxPlans?: number
  /** UTF-16 units of statement text kept at most, so that a few huge texts cannot fill the memory. Default 16 Mi. */
  readonly maxTextLength?: number
}

/**
 * Texts beyond this length are known by their SHA-256: V8 hashes strings over 16,383 characters by their length alone,
 * so a map of many such texts degenerates.
 */
const maxKeyLength = 8_192

/** Different texts with comments that are remembered per generation; each leads to a plan that is shared. */
const maxAliases = 256

/**
 * Analysed statements by text, bounded.
 *
 * Two generations: plans are found in both, a plan found in the old one moves to the young one, and when the young
 * one is half the bound, it becomes the old one and the former old one is dropped. That keeps what is in use, costs one
 * `Map.get` on a hit and no bookkeeping. Texts that differ in comments alone share a plan; hints are part of its key.
 */
export class PlanCache {
  readonly #maxPlans: number
  readonly #maxTextLength: number
  #catalog: Catalog = emptyCatalog
  #young = new Map<string, Statement>()
  #old = new Map<string, Statement>()
  #youngTextLength = 0
  #oldTextLength = 0
  #aliases = new Map<string, Statement>()
  #oldAliases = new Map<string, Statement>()

  constructor({ maxPlans = 10_000, maxTextLength = 16 * 1024 * 1024 }: PlanCacheOptions = {}) {
    this.#maxPlans = maxPlans
    this.#maxTextLength = maxTextLength
  }

  /** Plans kept, in both generations. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** UTF-16 units of text kept. */
  get textLength(): number {
    return this.#youngTextLength + this.#oldTextLength
  }

  /**
   * The statement of a text under a catalog; a catalog other than the last one empties the cache.
   *
   * @throws {StatementError} as `analyse` does.
   */
  get(sql: string, catalog: Catalog = emptyCatalog): Statement {
    if (catalog !== this.#catalog) this.#clear(catalog)
    return this.#young.get(sql) ?? this.#find(sql)
  }

  /** Replaces the plan by one that needs the primary, which a standby's refusal has taught. */
  learnPrimary(statement: Statement): void {
    const key = keyOf(statement.text, statement.hints)
    if (this.#lookUp(key) === undefined || statement.catalogVersion !== this.#catalog.version) return
    this.#aliases.clear()
    this.#oldAliases.clear()
    this.#put(key, learnPrimary(statement))
  }

  #find(sql: string): Statement {
    const known = this.#lookUp(sql) ?? this.#aliases.get(sql) ?? this.#promoteAlias(sql)
    if (known !== undefined) return known
    const { text, hints } = readSource(sql)
    const key = keyOf(text, hints)
    let statement = key === sql ? undefined : this.#lookUp(key)
    if (statement === undefined) {
      statement = analyseText(text, hints, sql, this.#catalog)
      // A position in the text, comments and all, belongs to this one text.
      if (statement.kind === 'unparsable') return statement
      this.#put(key, statement)
    }
    if (key !== sql && sql.length <= maxKeyLength && mayHaveComments(sql)) this.#putAlias(sql, statement)
    return statement
  }

  #lookUp(key: string): Statement | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) {
      this.#old.delete(key)
      this.#oldTextLength -= old.text.length
      this.#put(key, old)
    }
    return old
  }

  #put(key: string, statement: Statement): void {
    const replaced = this.#young.get(key)
    if (replaced !== undefined) this.#youngTextLength -= replaced.text.length
    this.#young.set(key, statement)
    this.#youngTextLength += statement.text.length
    if (this.#young.size * 2 < this.#maxPlans && this.#youngTextLength * 2 < this.#maxTextLength) return
    this.#old = this.#young
    this.#oldTextLength = this.#youngTextLength
    this.#young = new Map()
    this.#youngTextLength = 0
  }

  #promoteAlias(sql: string): Statement | undefined {
    const statement = this.#oldAliases.get(sql)
    if (statement !== undefined) this.#putAlias(sql, statement)
    return statement
  }

  #putAlias(sql: string, statement: Statement): void {
    this.#aliases.set(sql, statement)
    if (this.#aliases.size < maxAliases) return
    this.#oldAliases = this.#aliases
    this.#aliases = new Map()
  }

  #clear(catalog: Catalog): void {
    this.#catalog = catalog
    this.#young = new Map()
    this.#old = new Map()
    this.#youngTextLength = 0
    this.#oldTextLength = 0
    this.#aliases = new Map()
    this.#oldAliases = new Map()
  }
}

/** A NUL, which no text that was analysed can hold, keeps texts apart from hints and from hashes. */
function keyOf(text: string, hints: Hints): string {
  const body = text.length <= maxKeyLength ? text : `\0${createHash('sha256').update(text).digest('base64')}`
  return hints === noHints ? body : `${body}\0${hintsKey(hints)}`
}
