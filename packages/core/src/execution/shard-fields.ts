import { DatabaseError } from '../errors.ts'
import type pg from 'pg'
import type { Engine } from './engine.ts'

/**
 * The columns of a merged result: the first shard's, after checking that the others mean the same. OIDs of tables
 * and of user-defined types differ between servers, so types are compared by name where the numbers differ.
 */
export function agreedFields(
  engine: Engine,
  shards: readonly string[],
  results: readonly { readonly fields: readonly pg.FieldDef[] }[],
): readonly pg.FieldDef[] {
  const [first] = results
  const [firstShard = ''] = shards
  const fields = first?.fields ?? []
  for (const [index, result] of results.entries()) {
    if (index === 0) continue
    const shard = shards[index] ?? ''
    if (result.fields.length !== fields.length) throw disagreement(firstShard, shard, 'the number of columns')
    for (const [at, field] of result.fields.entries()) {
      const own = fields[at]
      if (own === undefined || own.name !== field.name)
        throw disagreement(firstShard, shard, 'the names of columns')
      if (own.dataTypeID === field.dataTypeID) continue
      const name = engine.typeName(firstShard, own.dataTypeID)
      if (name === undefined || name !== engine.typeName(shard, field.dataTypeID)) {
        throw disagreement(firstShard, shard, `the type of column "${own.name}"`)
      }
    }
  }
  return fields
}

function disagreement(first: string, second: string, what: string): DatabaseError {
  return new DatabaseError(
    'SHARDS_DISAGREE',
    `Shards "${first}" and "${second}" disagree about ${what} of the result. Bring their schemas in line, then call router.refresh().`,
    { details: { shards: [first, second] } },
  )
}
