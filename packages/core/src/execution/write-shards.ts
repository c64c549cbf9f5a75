import { DatabaseError, StatementError } from '../errors.ts'
import { firstFailure, planningError } from './first-failure.ts'
import { ownArrays } from '../routing/own-values.ts'
import { rowsResult, wireText } from './result.ts'
import { wrongCount } from './server-error.ts'
import { agreedFields } from './shard-fields.ts'
import { createOwnItems } from './own-items.ts'
import { insertPart, rowsVerdict } from './split-insert.ts'
import { writeAtomically } from './two-phase.ts'
import type pg from 'pg'
import type { RawRow } from '../merge/row.ts'
import type { SplitRoute, WriteAllRoute } from '../routing/route.ts'
import type { Statement } from '../statement/statement.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'
import type { ShardWrite } from './two-phase.ts'

/** Runs a write that concerns several shards on all of them or on none, and answers as one PostgreSQL would. */
export async function writeShards(
  engine: Engine,
  job: Job<WriteAllRoute | SplitRoute>,
): Promise<pg.QueryResult> {
  const { route, observer } = job
  const isReference = route.kind === 'write-all' && route.isReference
  const writes = shardWrites(engine, job)
  if (route.kind === 'split') await checkRows(engine, job as Job<SplitRoute>)
  for (const { shard } of writes) observer?.asked(engine.primary(shard))
  const results = await writeAtomically(engine, writes, {
    order: isReference ? 'first' : 'together',
    check: (answers) => {
      if (isReference) checkAlike(writes, answers)
    },
  }).catch(async (error: unknown) => {
    throw route.kind === 'split' ? await firstFailure(engine, job as Job<SplitRoute>, error) : error
  })
  return combine(engine, job, { writes, results })
}

const accepted = new WeakSet<Statement>()

/** Throws unless the rows mean apart what they mean together. */
async function checkRows(engine: Engine, job: Job<SplitRoute>): Promise<void> {
  const { statement } = job
  const verdict = rowsVerdict(statement)
  if (verdict === 'plain') return
  if (verdict === 'ambiguous') {
    throw new StatementError(
      'CROSS_SHARD',
      'The rows of this INSERT belong to several shards, and one of its parameters stands in several places that may give it different types. Pass the value once for each place, or cast every one of them to the same type.',
    )
  }
  // Once per text: what a server accepts as a whole it accepts again.
  if (accepted.has(statement)) return
  const error = await planningError(engine, job)
  if (error !== undefined) throw error
  accepted.add(statement)
}

function shardWrites(
  engine: Engine,
  { route, query, statement }: Job<WriteAllRoute | SplitRoute>,
): ShardWrite[] {
  // Merged rows are parsed once, here; the shards answer in raw text.
  const raw = { ...query, rowMode: 'array', types: wireText, binary: undefined } as const
  if (route.kind === 'write-all') {
    const { keys, shards } = route
    const whole = Array.isArray(query.values) ? (query.values as unknown[]) : []
    const itemsOf = createOwnItems({ text: statement.text, parameters: undefined }, keys)
    return inOrder(engine, shards).map((shard) => {
      if (keys.length === 0) return { shard, query: raw }
      const values = ownArrays(keys, shard, whole)
      const items = itemsOf?.(shard, values)
      return {
        shard,
        query: items === undefined ? { ...raw, values } : { ...raw, ...items, name: undefined },
      }
    })
  }
  const values = Array.isArray(query.values) ? (query.values as unknown[]) : []
  if (values.length !== statement.parameterCount)
    throw wrongCount(engine.pg, values.length, statement.parameterCount)
  return inOrder(engine, [...route.rowsByShard.keys()]).map((shard) => {
    const part = insertPart(statement, route.rowsByShard.get(shard) ?? [], values)
    const { text } = part
    // The name that the application gave is that of its own text.
    const own = text === statement.text ? undefined : { text, name: undefined }
    return { shard, query: { ...raw, ...own, values: part.values } }
  })
}

/** Every writer takes shards in the same order. */
function inOrder(engine: Engine, shards: readonly string[]): string[] {
  return shards.toSorted((a, b) => engine.shards.indexOf(a) - engine.shards.indexOf(b))
}

interface Written {
  readonly writes: readonly ShardWrite[]
  readonly results: readonly pg.QueryResult[]
}

function combine(
  engine: Engine,
  { route, query }: Job<WriteAllRoute | SplitRoute>,
  { writes, results }: Written,
): pg.QueryResult {
  const shards = writes.map(({ shard }) => shard)
  const [first] = results
  const isReference = route.kind === 'write-all' && route.isReference
  const counted = isReference ? results.slice(0, 1) : results
  const rowCount = counted.reduce((sum, result) => sum + (result.rowCount ?? 0), 0)
  const rows =
    route.kind === 'split'
      ? inValuesOrder(
          shards.map((shard) => route.rowsByShard.get(shard) ?? []),
          counted,
        )
      : counted.flatMap((result) => result.rows as unknown as RawRow[])
  const command = first?.command ?? 'INSERT'
  return rowsResult(
    engine.pg,
    { rowMode: query.rowMode, types: query.types ?? engine.types },
    {
      command: command === 'INSERT' ? `INSERT 0 ${rowCount}` : `${command} ${rowCount}`,
      fields: agreedFields(engine, shards, results),
      rows,
    },
  )
}

/**
 * RETURNING gives one row per VALUES row, in their order. With fewer (ON CONFLICT DO NOTHING) nothing tells which are
 * missing, and SQL promises no order: then they come shard by shard.
 */
function inValuesOrder(
  indices: readonly (readonly number[])[],
  results: readonly pg.QueryResult[],
): RawRow[] {
  const parts = results.map((result) => result.rows as unknown as RawRow[])
  if (parts.some((rows, part) => rows.length !== indices[part]?.length)) return parts.flat()
  const placed: { readonly index: number; readonly row: RawRow }[] = []
  for (const [part, rows] of parts.entries()) {
    for (const [at, row] of rows.entries()) placed.push({ index: indices[part]?.[at] ?? 0, row })
  }
  return placed.toSorted((a, b) => a.index - b.index).map(({ row }) => row)
}

/** A reference table is the same everywhere: so is what a write to it answers, or it would not be the same after it. */
function checkAlike(writes: readonly ShardWrite[], results: readonly pg.QueryResult[]): void {
  const [first] = results
  const answer = first === undefined ? '' : fingerprint(first)
  const other = results.findIndex((result) => fingerprint(result) !== answer)
  if (other === -1) return
  const names = [writes[0]?.shard ?? '', writes[other]?.shard ?? '']
  throw new DatabaseError(
    'SHARDS_DISAGREE',
    `The write to a reference table does something else on shard "${names[1]}" than on shard "${names[0]}" (other rows, or values from a sequence, the clock or chance). Nothing was written. Give such values explicitly, and compare the table's rows on both shards.`,
    { details: { shards: names } },
  )
}

/** RETURNING rows have no order of their own. */
function fingerprint(result: pg.QueryResult): string {
  const rows = (result.rows as unknown as RawRow[]).map((row) => JSON.stringify(row)).toSorted()
  return `${result.rowCount} ${rows.join('\n')}`
}
