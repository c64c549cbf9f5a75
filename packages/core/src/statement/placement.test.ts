import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  describePart,
  describeSet,
  describeValue,
  vectorCatalog,
  type ConstraintVectors,
} from '../../test/support/constraint-vectors.ts'
import { loadParser, parse } from './parser.ts'
import { analysePlacement } from './placement.ts'
import type { Placement } from './statement.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/constraints.json', import.meta.url), 'utf8'),
) as ConstraintVectors
const catalog = vectorCatalog(vectors.tables)

function place(sql: string): Placement {
  const [statement] = parse(sql).stmts
  if (statement === undefined) throw new Error(`not parsable: ${sql}`)
  return analysePlacement(statement.stmt, sql, catalog)
}

beforeAll(loadParser)

describe('constraint vectors', () => {
  for (const { topic, sql, parts, refusal, rows, ids, assigned = [], writesReference } of vectors.cases) {
    test(`${topic}: ${sql}`, () => {
      const placement = place(sql)
      expect({
        refusal: placement.refusal?.code,
        parts: parts === undefined ? undefined : placement.parts.map(describePart),
        rows: refusal === undefined ? placement.rows?.keys.map(describeValue) : undefined,
        ids: placement.rows?.ids?.map((sets) => sets.map(describeSet).join()),
        assigned: placement.assignments.map(
          ({ part, column, set }) => `${part} ${column} ${describeSet(set)}`,
        ),
        writesReference: placement.writesReference,
      }).toEqual({
        refusal,
        parts: parts === undefined ? undefined : [...parts],
        rows: rows === undefined ? undefined : [...rows],
        ids: ids === undefined ? undefined : [...ids],
        assigned: refusal === undefined ? [...assigned] : placement.assignments.map(() => expect.any(String)),
        writesReference: refusal === undefined ? writesReference === true : placement.writesReference,
      })
    })
  }
})

const { cases } = JSON.parse(
  readFileSync(new URL('../../vectors/distribution.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly DistributionCase[] }

interface DistributionCase {
  readonly topic: string
  readonly sql: string
  readonly scatter: 'merge' | 'write' | 'split' | 'refused'
  /** What is named by the refusal. */
  readonly construct?: string
}

describe('distribution vectors', () => {
  for (const { topic, sql, scatter, construct } of cases) {
    test(`${topic}: ${sql}`, () => {
      const outcome = place(sql).scatter()
      expect({
        scatter: outcome.kind,
        construct: outcome.kind === 'refused' ? outcome.refusal.construct : undefined,
      }).toEqual({ scatter, construct })
    })
  }
})

describe('a shard key that is an identity column', () => {
  const orders = catalog.relations.get('public.orders')
  if (orders === undefined) throw new Error('no table orders')
  const columns = orders.columns.map((column) =>
    column.name === 'tenant_id' ? { ...column, hasDefault: true } : column,
  )
  const relations = new Map([...catalog.relations, ['public.orders', { ...orders, columns }]])
  const refusalOf = (sql: string): string | undefined => {
    const [statement] = parse(sql).stmts
    if (statement === undefined) throw new Error(`not parsable: ${sql}`)
    return analysePlacement(statement.stmt, sql, { ...catalog, relations }).refusal?.code
  }

  test.each([
    'insert into orders (tenant_id, id) overriding user value values ($1, $2)',
    'insert into orders (tenant_id, id) overriding user value select tenant_id, id from customers where tenant_id = 1',
    'merge into orders o using (select * from customers where tenant_id = 1) c on o.tenant_id = c.tenant_id when not matched then insert (tenant_id, id) overriding user value values (c.tenant_id, 1)',
  ])('is not given by a value that is overridden: %s', (sql) => {
    expect(refusalOf(sql)).toBe('SHARD_KEY_MISSING')
    expect(refusalOf(sql.replace('overriding user value', 'overriding system value'))).toBeUndefined()
  })
})
