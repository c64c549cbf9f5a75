/** A word for the kind of error that quotes nothing from it: SQLSTATE, code, or class. */
export function errorTypeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  const { code, name } = error as { code?: unknown; name?: unknown }
  if (typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code)) return code
  return typeof name === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(name) ? name : 'unknown'
}

/** True for PostgreSQL's five characters. */
export function isSqlState(type: string): boolean {
  return /^[0-9A-Z]{5}$/.test(type)
}
