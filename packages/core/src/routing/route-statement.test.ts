import { beforeAll, describe, expect, it } from 'vitest'
import { catalog, describeRoute, routingInput, vectors } from '../../test/support/routing-world.ts'
import { ShardlineError } from '../errors.ts'
import { analyse } from '../statement/analyse.ts'
import { loadParser } from '../statement/parser.ts'
import { createRouting, type RouteStatement } from './route-statement.ts'
import type { RouteContext } from './context.ts'

beforeAll(loadParser)

/** Where the statement goes, or the code with which it is refused. */
function outcome(
  route: RouteStatement,
  sql: string,
  values: readonly unknown[] = [],
  context?: RouteContext,
): string {
  try {
    return describeRoute(route(analyse(sql, catalog), values, context))
  } catch (error) {
    if (error instanceof ShardlineError) return `refused ${error.code}`
    throw error
  }
}

describe('routing vectors', () => {
  const route = createRouting(routingInput())
  for (const { topic, sql, values, context, to, refused } of vectors.cases) {
    const where = context === undefined ? '' : ` in ${JSON.stringify(context)}`
    const given = values === undefined ? '' : ` with ${JSON.stringify(values)}`
    it(`${topic}: ${sql}${given}${where}`, () => {
      expect(outcome(route, sql, values, context)).toBe(to ?? `refused ${refused}`)
    })
  }
})

describe('a tenant context', () => {
  it('goes to the first keyspace that has tenants when the default one has none', () => {
    const [main, crm, log] = vectors.keyspaces
    if (main === undefined || crm === undefined || log === undefined)
      throw new Error('three keyspaces are needed')
    const route = createRouting(routingInput([log, main, crm]))
    expect(outcome(route, 'select now()')).toBe('single replica any:l0 no-table')
    expect(outcome(route, 'select now()', [], { tenant: 2 })).toBe('single replica m1 tenant-context')
    expect(outcome(route, 'select * from contacts', [], { tenant: 2 })).toBe(
      'single replica c0 tenant-context',
    )
  })

  it('is refused in a cluster without tenants, and told why', () => {
    const route = createRouting(
      routingInput(vectors.keyspaces.filter(({ name }) => name !== 'main' && name !== 'crm')),
    )
    expect(outcome(route, 'select now()')).toBe('single replica any:l0 only-shard')
    expect(() => route(analyse('select now()', catalog), [], { tenant: 2 })).toThrow(
      'A tenant context needs a table with the tenant strategy, and keyspace "log" has none.',
    )
  })
})

describe('one shard alone', () => {
  const [, crm] = vectors.keyspaces
  const route = createRouting(routingInput(crm === undefined ? [] : [crm]))

  it('needs no proof, and still keeps a tenant to its own', () => {
    expect(outcome(route, 'select * from contacts')).toBe('single replica any:c0 only-shard')
    expect(outcome(route, 'select 1; select 2')).toBe('single primary any:c0 only-shard')
    expect(outcome(route, "select * from contacts where tenant_id = '2'", [], { tenant: 2 })).toBe(
      'single replica any:c0 only-shard',
    )
    expect(outcome(route, "select * from contacts where tenant_id = '1'", [], { tenant: 2 })).toBe(
      'refused TENANT_CONTRADICTED',
    )
  })
})

describe('a decision made before', () => {
  it('is the same again, whatever came in between', () => {
    const route = createRouting(routingInput())
    const statement = analyse('select * from orders where tenant_id = $1', catalog)
    const first = route(statement, [1], undefined)
    expect(describeRoute(route(statement, [2], undefined))).toBe('single replica m1 shard-key')
    expect(describeRoute(route(statement, [null], undefined))).toBe(
      'single replica any:m0 contradictory-keys',
    )
    expect(describeRoute(route(statement, [1], { role: 'primary' }))).toBe('single primary m0 shard-key')
    expect(route(statement, [1], undefined)).toBe(first)
    expect(route(statement, [3], undefined)).toBe(first)
  })
})
