/**
 * What a plan costs: missing, hitting, keeping. Prints medians as JSON.
 *
 *   node --expose-gc packages/core/bench/plans.ts
 */
import { analyse } from '../src/statement/analyse.ts'
import { classify } from '../src/statement/classify/classify.ts'
import { emptyCatalog, type Catalog, type Column, type Relation } from '../src/statement/catalog.ts'
import { parseInsert } from '../src/statement/insert-template.ts'
import { loadParser, parse } from '../src/statement/parser.ts'
import { PlanCache } from '../src/statement/plan-cache.ts'

await loadParser()

/** Statements as Kysely, Drizzle, Prisma and TypeORM write them. */
const statements: readonly string[] = [
  'select * from "orders" where "id" = $1',
  'select "orders"."id", "orders"."total" from "orders" where "orders"."tenant_id" = $1 and "orders"."status" in ($2, $3) order by "orders"."created_at" desc limit $4',
  'select "o"."id", "c"."name" from "orders" as "o" inner join "customers" as "c" on "c"."id" = "o"."customer_id" where "o"."tenant_id" = $1 order by "o"."id" limit $2 offset $3',
  'insert into "orders" ("tenant_id", "customer_id", "total", "status") values ($1, $2, $3, $4) returning "id"',
  'update "orders" set "status" = $1, "updated_at" = now() where "id" = $2 and "tenant_id" = $3 returning *',
  'delete from "orders" where "tenant_id" = $1 and "id" = any($2)',
  'select "orders"."id", "orders"."data", (select coalesce(json_agg("x".*), \'[]\') from (select "lines"."id", "lines"."sku" from "lines" where "lines"."order_id" = "orders"."id") as "x") as "lines" from "orders" where "orders"."tenant_id" = $1',
  'SELECT "public"."orders"."id", "public"."orders"."tenant_id", "public"."orders"."total"::text FROM "public"."orders" WHERE ("public"."orders"."tenant_id" = $1 AND "public"."orders"."total" > $2) ORDER BY "public"."orders"."id" ASC LIMIT $3 OFFSET $4',
  'SELECT "Order"."id" AS "Order_id", "Order"."tenantId" AS "Order_tenantId", "Order__lines"."id" AS "Order__lines_id" FROM "orders" "Order" LEFT JOIN "lines" "Order__lines" ON "Order__lines"."orderId"="Order"."id" WHERE (("Order"."tenantId" = $1)) AND ( "Order"."deletedAt" IS NULL )',
  'select count(*) as "n", sum("total") as "total", "status" from "orders" where "tenant_id" = $1 group by "status" having count(*) > $2',
  'insert into "features" ("entity_id", "name", "value") values ($1, $2, $3) on conflict ("entity_id", "name") do update set "value" = excluded."value"',
  'with "recent" as (select "id", "total" from "orders" where "tenant_id" = $1 and "created_at" > $2) select "r"."id", "l"."sku" from "recent" as "r" left join lateral (select "sku" from "lines" where "lines"."order_id" = "r"."id" order by "sku" limit 1) as "l" on true',
]

const int8 = (name: string): Column => ({
  name,
  type: 'bigint',
  notNull: true,
  hasDefault: false,
  isGenerated: false,
})
const text = (name: string): Column => ({
  ...int8(name),
  type: 'text',
  collation: emptyCatalog.defaultCollation,
})

function sharded(name: string, keyColumn: string, columns: readonly Column[]): [string, Relation] {
  const relation: Relation = {
    schema: 'public',
    name,
    kind: 'table',
    columns,
    placement: { strategy: 'tenant', group: 'tenant', keyColumn, keyType: 'int8', isGuarded: false },
    keyspace: 'default',
    uniqueKeys: [['id']],
    foreignKeys: [],
    hasTriggers: false,
  }
  return [`public.${name}`, relation]
}

const order = [
  'id',
  'tenant_id',
  'tenantId',
  'customer_id',
  'total',
  'created_at',
  'updated_at',
  'deletedAt',
  'data',
].map(int8)
const shardedCatalog: Catalog = {
  ...emptyCatalog,
  version: 1,
  isSharded: true,
  relations: new Map([
    sharded('orders', 'tenant_id', [...order, text('status')]),
    sharded('customers', 'tenant_id', [int8('id'), int8('tenant_id'), text('name')]),
    sharded('lines', 'tenant_id', [
      int8('id'),
      int8('tenant_id'),
      int8('order_id'),
      int8('orderId'),
      text('sku'),
    ]),
    sharded('features', 'entity_id', [int8('entity_id'), text('name'), text('value')]),
    sharded('t', 'a', Array.from('abcdefghij', int8)),
  ]),
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

/** Median microseconds of one call, over rounds of all inputs. */
function micros(run: (sql: string) => unknown, inputs: readonly string[], rounds: number): number {
  for (let warm = 0; warm < rounds; warm++) for (const sql of inputs) run(sql)
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const sql of inputs) {
      const start = performance.now()
      run(sql)
      times.push((performance.now() - start) * 1_000)
    }
  }
  return Math.round(median(times) * 10) / 10
}

const bulk = `insert into "t" ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j") values ${Array.from(
  { length: 1_000 },
  (_, row) => `(${Array.from({ length: 10 }, (__, column) => `$${row * 10 + column + 1}`).join(', ')})`,
).join(', ')} returning "a"`

function hitNanos(cache: PlanCache, texts: readonly string[]): number {
  for (const sql of texts) cache.get(sql)
  const samples: number[] = []
  for (let sample = 0; sample < 50; sample++) {
    const start = performance.now()
    for (let turn = 0; turn < 2_000; turn++) for (const sql of texts) cache.get(sql)
    samples.push(((performance.now() - start) * 1e6) / (2_000 * texts.length))
  }
  return Math.round(median(samples))
}

function retainedBytes(count: number): number {
  const cache = new PlanCache({ maxPlans: 4 * count })
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let plan = 0; plan < count; plan++)
    cache.get(`${statements[plan % statements.length]} /*+ ${plan} */`, shardedCatalog)
  globalThis.gc?.()
  return Math.round((process.memoryUsage().heapUsed - before) / cache.size)
}

const trees = new Map(statements.map((sql) => [sql, parse(sql).stmts[0]?.stmt]))
const figures = {
  parseMicros: micros(parse, statements, 200),
  classifyMicros: micros(
    (sql) => {
      const tree = trees.get(sql)
      if (tree !== undefined) classify(tree, emptyCatalog)
    },
    statements,
    200,
  ),
  planMissMicros: micros((sql) => analyse(sql), statements, 200),
  shardedPlanMissMicros: micros((sql) => analyse(sql, shardedCatalog), statements, 200),
  hitNanos: hitNanos(new PlanCache(), statements),
  hitWithCommentNanos: hitNanos(
    new PlanCache(),
    statements.map((sql) => `${sql} /* controller='orders' */`),
  ),
  bulkParseMicros: micros(parse, [bulk], 10),
  bulkTemplateMicros: micros((sql) => parseInsert(sql), [bulk], 10),
  bulkPlanMissMicros: micros((sql) => analyse(sql), [bulk], 10),
  shardedBulkPlanMissMicros: micros((sql) => analyse(sql, shardedCatalog), [bulk], 10),
  bulkHitMicros: ((cache) => micros((sql) => cache.get(sql), [bulk], 50))(new PlanCache()),
  bytesPerPlan: retainedBytes(10_000),
  averageTextLength: Math.round(statements.reduce((sum, sql) => sum + sql.length, 0) / statements.length),
}
console.log(JSON.stringify(figures, undefined, 2))
