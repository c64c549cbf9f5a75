/**
 * A position in the write-ahead log as a number: comparable as long as both come from the same timeline.
 *
 * PostgreSQL prints it as two hexadecimal halves, `16/B374D848` (`pg_lsn_out`).
 */
export type Lsn = bigint

const printed = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/

/** Undefined for anything that PostgreSQL would not print. */
export function parseLsn(text: string): Lsn | undefined {
  const match = printed.exec(text)
  if (match === null) return undefined
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

export function printLsn(lsn: Lsn): string {
  const high = (lsn >> 32n).toString(16).toUpperCase()
  const low = (lsn & 0xffff_ffffn).toString(16).toUpperCase()
  return `${high}/${low}`
}

/** A place in history: after a promotion the same LSN means something else on the new timeline. */
export interface WalPosition {
  readonly timeline: number
  readonly lsn: Lsn
}

/** True when a server at `reached` has everything up to `wanted`; false also when their timelines differ. */
export function hasReached(reached: WalPosition, wanted: WalPosition): boolean {
  return reached.timeline === wanted.timeline && reached.lsn >= wanted.lsn
}

/** The timeline is the first third of a WAL file's name, in hexadecimal. */
export function timelineOfWalFile(name: string): number | undefined {
  return /^[0-9A-F]{24}$/.test(name) ? Number.parseInt(name.slice(0, 8), 16) : undefined
}
