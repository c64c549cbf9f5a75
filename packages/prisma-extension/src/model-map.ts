import type { TableDescription } from '@shardline/core'

/** Where the rows of one Prisma model live, in PostgreSQL's names. */
export interface MappedModel {
  /** `table`, or `schema.table` for a model with `@@schema`: what `router.describeTables` takes as a name. */
  readonly table: string
  /** Columns are those of the table (`@map` is resolved), not the model's fields. */
  readonly description: TableDescription
}

/**
 * Sharded tables by the name of their Prisma model: what the schema generator writes as `shardlineModels` and
 * `shardline(router, { models })` takes. Models that are not annotated are not in it.
 */
export type ModelMap = Readonly<Record<string, MappedModel>>
