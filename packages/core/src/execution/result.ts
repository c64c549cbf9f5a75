import type pg from 'pg'
import type { PgModule } from '../pool/pg-module.ts'
import type { RawRow } from '../merge/row.ts'

/** `pg`'s own result class with what its queries call on it; documented for Submittables such as pg-cursor. */
export interface ResultInternals extends pg.QueryResult {
  addFields(fields: readonly pg.FieldDef[]): void
  addRow(row: unknown): void
  addCommandComplete(message: { readonly text: string }): void
  parseRow(row: RawRow): pg.QueryResultRow
}

export interface RowShape {
  readonly rowMode?: 'array' | undefined
  /** Undefined for the parsers registered on `pg.types`. */
  readonly types?: pg.CustomTypesConfig | undefined
}

type ResultClass = new (
  rowMode: string | undefined,
  types: pg.CustomTypesConfig | undefined,
) => ResultInternals

/** An empty result of the application's own copy of `pg`, so that rows, fields and counts are own properties. */
export function createResult(pg: PgModule, shape: RowShape): ResultInternals {
  const Result = pg.Result as unknown as ResultClass
  return new Result(shape.rowMode, shape.types)
}

/** The answer to a command that no server had to be asked for. */
export function commandResult(pg: PgModule, command: string | undefined): pg.QueryResult {
  const result = createResult(pg, {})
  if (command !== undefined) result.addCommandComplete({ text: command })
  return result
}

/** Merged raw rows as `pg` would have handed them out: the type parsers run here, once per visible value. */
export function rowsResult(
  pg: PgModule,
  shape: RowShape,
  answer: {
    readonly command: string
    readonly fields: readonly pg.FieldDef[]
    readonly rows: readonly RawRow[]
  },
): pg.QueryResult {
  const result = createResult(pg, shape)
  result.addFields(answer.fields)
  for (const row of answer.rows) result.addRow(result.parseRow(row))
  result.addCommandComplete({ text: answer.command })
  return result
}

/** Type parsers that leave the wire text alone, for rows that are to be merged before anyone reads them. */
export const wireText: pg.CustomTypesConfig = {
  getTypeParser: (() => (value: unknown) => value) as pg.CustomTypesConfig['getTypeParser'],
}
