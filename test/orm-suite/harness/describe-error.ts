import type { ErrorDescription } from '../application.ts'

/** What `pg` puts on its errors, apart from where in PostgreSQL's source they were raised. */
const fields = [
  'name',
  'severity',
  'detail',
  'hint',
  'position',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
] as const

/** An error as an application sees it that gets those of `pg` unchanged. */
export function describePostgresError(error: unknown): ErrorDescription {
  if (!(error instanceof Error))
    return { className: typeof error, code: undefined, message: String(error), fields: {} }
  const found = error as Error & Readonly<Record<string, unknown>>
  return {
    className: error.constructor.name,
    code: found.code,
    message: error.message,
    fields: { keys: Object.keys(error), ...Object.fromEntries(fields.map((field) => [field, found[field]])) },
  }
}
