import { randomBytes } from 'node:crypto'

/** Texts longer than this are not prepared: V8 hashes longer strings by their length alone. */
const maxTextLength = 16_383
/** Texts of a generation and their characters in all; beyond either the generation before is forgotten. */
const maxTexts = 5_000
const maxCharacters = 4_000_000

/** Random per process, so that no name an application chose, or another process behind a pooler, can be the same. */
const prefix = `shardline_${randomBytes(6).toString('hex')}_`

const seenOnce = 'seen-once'

/**
 * Names of automatic prepared statements, one per text and process, given on a text's second use: what runs once is
 * not worth a Parse that the server keeps.
 *
 * Two generations instead of a list in order of use: a look-up of a known text is one `Map.get`.
 */
export class PreparedNames {
  #young = new Map<string, string>()
  #old = new Map<string, string>()
  #youngCharacters = 0
  #count = 0

  /** The name for this use of the text; undefined when it is not to be prepared. */
  nameOf(text: string): string | undefined {
    const known = this.#young.get(text)
    if (known !== undefined && known !== seenOnce) return known
    if (text.length > maxTextLength) return undefined
    if (known === undefined) {
      const old = this.#old.get(text)
      this.#remember(text, old ?? seenOnce)
      return old === undefined || old === seenOnce ? this.#secondUse(text, old) : old
    }
    return this.#secondUse(text, known)
  }

  /**
   * Every text gets another name from now on. The server keeps the parameter types that it inferred when a statement was
   * prepared, so after DDL the same text would mean something else than it does when it is sent as it is: a time without a
   * zone for a column that has one by now.
   */
  renew(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#youngCharacters = 0
  }

  #secondUse(text: string, known: string | undefined): string | undefined {
    if (known === undefined) return undefined
    const name = prefix + (++this.#count).toString(36)
    this.#remember(text, name)
    return name
  }

  #remember(text: string, name: string): void {
    if (!this.#young.has(text)) this.#youngCharacters += text.length
    this.#young.set(text, name)
    if (this.#young.size <= maxTexts && this.#youngCharacters <= maxCharacters) return
    this.#old = this.#young
    this.#young = new Map()
    this.#youngCharacters = 0
  }
}

/** Names are process-wide: the same text has the same name on every connection of every node. */
export const preparedNames = new PreparedNames()
