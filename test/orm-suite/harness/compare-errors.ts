import type { ErrorDescription } from '../application.ts'

/** PostgreSQL's deadlock report names processes and transactions, which differ from run to run. */
export function withoutNumbers(description: ErrorDescription): unknown {
  return JSON.parse(
    JSON.stringify(description, (_key, value: unknown) =>
      typeof value === 'string'
        ? value.replaceAll(/\b(process|transaction) \d+/gi, '$1 …')
        : typeof value === 'bigint'
          ? String(value)
          : value,
    ),
  )
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(
    `expected an error, and got ${JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}`,
  )
}
