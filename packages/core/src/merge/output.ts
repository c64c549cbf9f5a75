import type { Decoded } from './compare-values.ts'
import type { Identity } from './identity.ts'
import type { RowCounts } from './row-counts.ts'
import type { Keyed } from './sort-keys.ts'
import type { RawRow } from './row.ts'

export interface OutputRules {
  readonly counts: RowCounts
  readonly withTies: boolean
  /** Set for DISTINCT: rows of one identity are the same. */
  readonly identity: Identity | undefined
  /** How far apart equal rows can be: anywhere, among rows that sort equal, or only next to each other (DISTINCT ON). */
  readonly duplicates: 'anywhere' | 'among-ties' | 'adjacent'
  readonly isTie: (left: Keyed, right: Keyed) => boolean
  readonly hiddenColumns: number
}

/** The last steps: DISTINCT, OFFSET, LIMIT, WITH TIES, and taking the hidden columns off. */
export interface Output {
  /** Takes the next row; false when no further row can matter. */
  push(keyed: Keyed): boolean
  /** True when no further row can matter. */
  readonly isFull: boolean
  /** Rows since the last call. */
  take(): RawRow[]
}

export function createOutput(rules: OutputRules): Output {
  const { identity, duplicates, isTie, hiddenColumns, withTies } = rules
  const { limit } = rules.counts
  let skip = rules.counts.offset
  let left = limit
  let rows: RawRow[] = []
  let lastPassed: Keyed | undefined
  let lastReturned: Keyed | undefined
  let seen = new Set<Decoded | null>()
  let isFull = limit === 0n

  const isDuplicate = (keyed: Keyed): boolean => {
    if (identity === undefined) return false
    if (duplicates === 'among-ties' && lastPassed !== undefined && !isTie(lastPassed, keyed)) seen = new Set()
    const key = identity(keyed.row)
    lastPassed = keyed
    if (seen.has(key)) return true
    if (duplicates === 'adjacent') seen = new Set()
    seen.add(key)
    return false
  }

  const emit = (keyed: Keyed): void => {
    if (hiddenColumns > 0) keyed.row.length -= hiddenColumns
    rows.push(keyed.row)
  }

  return {
    get isFull() {
      return isFull
    },
    push(keyed) {
      if (isFull) return false
      if (isDuplicate(keyed)) return true
      if (skip > 0n) {
        skip -= 1n
        return true
      }
      if (left === undefined) {
        emit(keyed)
        return true
      }
      if (left === 0n) {
        // Only WITH TIES comes here: rows after the limit that sort equal to the last one.
        if (lastReturned === undefined || !isTie(lastReturned, keyed)) {
          isFull = true
          return false
        }
        emit(keyed)
        return true
      }
      left -= 1n
      lastReturned = keyed
      emit(keyed)
      if (left === 0n && !withTies) isFull = true
      return !isFull
    },
    take() {
      const taken = rows
      rows = []
      return taken
    },
  }
}
