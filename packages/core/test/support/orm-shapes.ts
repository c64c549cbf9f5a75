/** Ids in the test's rows, by what is known of them. */
export interface Values {
  readonly tenant: number
  readonly order: bigint
  readonly sameShardOrder: bigint
  readonly otherOrder: bigint
  readonly customer: bigint
}

export interface Shape {
  readonly sql: string
  readonly given?: (values: Values) => readonly unknown[]
  /** Whether the statement names an order that decides. */
  readonly isOrdered?: boolean
}

const byOrder = ({ order }: Values): readonly unknown[] => [order]
const ordered = true

/** What ORMs write for a model with its id, or the id of what it belongs to, in the condition. */
export const ofOneId: readonly Shape[] = [
  // Prisma: a model, its relations by further statements, relation filters, counts, cursors.
  {
    sql: 'SELECT "public"."orders"."id", "public"."orders"."status" FROM "public"."orders" WHERE ("public"."orders"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3',
    given: (v) => [v.order, 1, 0],
  },
  {
    sql: 'SELECT "public"."lines"."id", "public"."lines"."order_id" FROM "public"."lines" WHERE "public"."lines"."order_id" IN ($1,$2) OFFSET $3',
    given: (v) => [v.order, v.sameShardOrder, 0],
  },
  {
    sql: 'SELECT "public"."customers"."id" FROM "public"."customers" WHERE "public"."customers"."id" IN ($1) OFFSET $2',
    given: (v) => [v.customer, 0],
  },
  {
    sql: 'SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."lines"."id" FROM "public"."lines" WHERE "public"."lines"."order_id" = $1 OFFSET $2) AS "sub"',
    given: (v) => [v.order, 1],
  },
  {
    sql: 'SELECT COUNT(*) AS "_count$_all", SUM("position") AS "_sum$position" FROM (SELECT "public"."lines"."id", "public"."lines"."position" FROM "public"."lines" WHERE "public"."lines"."order_id" = $1 ORDER BY "public"."lines"."id" ASC LIMIT $2 OFFSET $3) AS "sub"',
    given: (v) => [v.order, 5, 0],
  },
  {
    sql: 'SELECT "t0"."id" FROM "public"."orders" AS "t0" WHERE ("t0"."id" = $1 AND ("t0"."id") IN (SELECT "t1"."order_id" FROM "public"."lines" AS "t1" WHERE ("t1"."position" >= $2 AND "t1"."order_id" IS NOT NULL)))',
    given: (v) => [v.order, 0],
  },
  {
    sql: 'SELECT "t0"."id" FROM "public"."lines" AS "t0" LEFT JOIN "public"."orders" AS "j0" ON ("j0"."id") = ("t0"."order_id") WHERE ("j0"."id" = $1 AND ("j0"."id" IS NOT NULL))',
    given: byOrder,
  },
  {
    sql: 'SELECT "public"."orders"."id", COALESCE("aggr"."_count", 0) AS "_count" FROM "public"."orders" LEFT JOIN (SELECT "public"."lines"."order_id", COUNT(*) AS "_count" FROM "public"."lines" WHERE 1=1 GROUP BY "public"."lines"."order_id") AS "aggr" ON ("public"."orders"."id" = "aggr"."order_id") WHERE ("public"."orders"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3',
    given: (v) => [v.order, 1, 0],
  },
  {
    sql: 'SELECT "public"."orders"."id" FROM "public"."orders", (SELECT "public"."orders"."id" AS "id_0" FROM "public"."orders" WHERE ("public"."orders"."id") = ($1)) AS "order_cmp" WHERE ("public"."orders"."tenant_id" = $2 AND "public"."orders"."id" >= "order_cmp"."id_0") ORDER BY "public"."orders"."id" ASC LIMIT $3 OFFSET $4',
    given: (v) => [v.order, v.tenant, 2, 1],
    isOrdered: ordered,
  },
  {
    sql: 'SELECT "t0"."id", "t0_lines"."__prisma_data__" AS "lines" FROM "public"."orders" AS "t0" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), \'[]\') AS "__prisma_data__" FROM (SELECT "t3"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT(\'id\', "t2"."id"::text, \'position\', "t2"."position") AS "__prisma_data__" FROM (SELECT "t1".* FROM "public"."lines" AS "t1" WHERE "t0"."id" = "t1"."order_id") AS "t2") AS "t3") AS "t4") AS "t0_lines" ON TRUE WHERE ("t0"."id" = $1 AND 1=1) LIMIT $2',
    given: (v) => [v.order, 1],
  },
  // TypeORM: pages over joins, counts, probes, relations in the condition.
  {
    sql: 'SELECT DISTINCT "distinctAlias"."Order_id" AS "ids_Order_id" FROM (SELECT "Order"."id" AS "Order_id", "l"."id" AS "l_id" FROM "orders" "Order" LEFT JOIN "lines" "l" ON "l"."order_id"="Order"."id" WHERE ( ("Order"."id" = $1) )) "distinctAlias" ORDER BY "Order_id" ASC LIMIT 1',
    given: byOrder,
  },
  {
    sql: 'SELECT "Order"."id" AS "Order_id", "l"."id" AS "l_id" FROM "orders" "Order" LEFT JOIN "lines" "l" ON "l"."order_id"="Order"."id" WHERE ( ("Order"."id" = $1) ) AND ( "Order"."id" IN ($1) )',
    given: byOrder,
  },
  {
    sql: 'SELECT COUNT(DISTINCT("Line"."id")) AS "cnt" FROM "lines" "Line" LEFT JOIN "orders" "o" ON "o"."id"="Line"."order_id" WHERE (("o"."id" = $1))',
    given: byOrder,
  },
  {
    sql: 'SELECT 1 AS "row_exists" FROM (SELECT 1 AS dummy_column) "dummy_table" WHERE EXISTS (SELECT 1 FROM "orders" "Order" WHERE "Order"."id" = $1) LIMIT 1',
    given: byOrder,
  },
  {
    sql: 'SELECT "o"."id" AS "o_id" FROM "orders" "o" INNER JOIN "lines" "Line" ON "Line"."order_id" = "o"."id" WHERE ("Line"."order_id" IN ($1))',
    given: byOrder,
  },
  {
    sql: 'WITH RECURSIVE "chain" AS (SELECT "l"."id", "l"."tenant_id", "l"."order_id" FROM "lines" "l" WHERE "l"."order_id" = $1 UNION SELECT "n"."id", "n"."tenant_id", "n"."order_id" FROM "lines" "n" JOIN "chain" "c" ON "n"."order_id" = "c"."order_id") SELECT "id" FROM "chain"',
    given: byOrder,
  },
  // Drizzle: relations by LATERAL joins, of both generations.
  {
    sql: 'select "orders"."id", "orders_lines"."data" as "lines" from "orders" left join lateral (select coalesce(json_agg(json_build_array("orders_lines"."id", "orders_lines"."sku") order by "orders_lines"."id"), \'[]\'::json) as "data" from "lines" "orders_lines" where "orders_lines"."order_id" = "orders"."id") "orders_lines" on true where "orders"."id" = $1 limit $2',
    given: (v) => [v.order, 1],
  },
  {
    sql: 'select "lines"."id", "lines_order"."data" as "order" from "lines" left join lateral (select json_build_array("lines_order"."id", "lines_order"."status") as "data" from (select * from "orders" "lines_order" where "lines_order"."id" = "lines"."order_id" limit $1) "lines_order") "lines_order" on true where "lines"."order_id" = $2',
    given: (v) => [1, v.order],
  },
  {
    sql: 'select "d0"."id" as "id", "lines"."r" as "lines" from "orders" as "d0" left join lateral(select coalesce(json_agg(row_to_json("t".*) order by "t"."id"), \'[]\') as "r" from (select "d1"."id" as "id", "d1"."sku" as "sku" from "lines" as "d1" where "d0"."id" = "d1"."order_id") as "t") as "lines" on true where "d0"."id" = $1 limit $2',
    given: (v) => [v.order, 1],
  },
  // Kysely: relations as JSON in the select list.
  {
    sql: 'select "o"."id", (select coalesce(json_agg(agg), \'[]\') from (select "l"."id", "l"."sku" from "lines" as "l" where "l"."order_id" = "o"."id" order by "l"."id") as agg) as "lines", (select to_json(obj) from (select "c"."name" from "customers" as "c" where "c"."id" = "o"."customer_id") as obj) as "customer" from "orders" as "o" where "o"."id" = $1',
    given: byOrder,
  },
  { sql: 'select * from "orders" where ("id", "status") = ($1, $2)', given: (v) => [v.order, 'paid'] },
  {
    sql: 'select * from "orders" where "id" = any($1) for update',
    given: (v) => [[v.order, v.sameShardOrder]],
  },
  {
    sql: 'with "o" as (select * from "orders" where "id" = $1) select "o"."id", "l"."id" from "o" inner join "lines" as "l" on "l"."order_id" = "o"."id"',
    given: byOrder,
  },
]

const page =
  (...parameters: readonly unknown[]) =>
  (): readonly unknown[] =>
    parameters

const countPage =
  'SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE 1=1 ORDER BY "public"."orders"."id" ASC LIMIT $1 OFFSET $2) AS "sub"'
const countAll =
  'SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE 1=1 OFFSET $1) AS "sub"'

/** The same without a key. */
export const everywhere: readonly Shape[] = [
  { sql: countAll, given: page(0) },
  { sql: countAll, given: page('7') },
  { sql: countAll, given: page(1000n) },
  { sql: countAll, given: page(null) },
  { sql: countPage, given: page(5, 0) },
  { sql: countPage, given: page(100, 20) },
  { sql: countPage, given: page(3, 22) },
  { sql: countPage, given: page(null, 3) },
  { sql: countPage, given: page(0, 3) },
  {
    sql: 'select count(*)::int as n, count(1), count("sub"."id") from (select "id" from "orders" limit 7 offset 19) as "sub"',
  },
  { sql: 'select count(*) from (select distinct "order_id" from "lines" limit 9) as "sub"' },
  {
    sql: 'SELECT COUNT(*) AS "_count$_all", COUNT("status") AS "_count$status", SUM("total") AS "_sum$total", AVG("total") AS "_avg$total", MIN("amount") AS "_min$amount", MAX("amount") AS "_max$amount" FROM (SELECT "public"."orders"."id", "public"."orders"."status", "public"."orders"."total", "public"."orders"."amount" FROM "public"."orders" WHERE "public"."orders"."amount" > $1 OFFSET $2) AS "sub"',
    given: page(3, 0),
  },
  {
    sql: 'SELECT COUNT(*) AS "_count$_all", SUM("public"."orders"."total") AS "_sum$total", "public"."orders"."status" FROM "public"."orders" WHERE 1=1 GROUP BY "public"."orders"."status" HAVING COUNT("public"."orders"."id") > $1 ORDER BY "public"."orders"."status" ASC OFFSET $2',
    given: page(1, 0),
    isOrdered: ordered,
  },
  {
    sql: 'SELECT "public"."orders"."id", "public"."orders"."status" FROM "public"."orders" WHERE 1=1 ORDER BY "public"."orders"."status" DESC, "public"."orders"."id" ASC LIMIT $1 OFFSET $2',
    given: page(6, 3),
    isOrdered: ordered,
  },
  {
    sql: 'SELECT DISTINCT ON ("public"."orders"."status") "public"."orders"."id", "public"."orders"."status" FROM "public"."orders" WHERE 1=1 ORDER BY "public"."orders"."status" ASC, "public"."orders"."id" ASC LIMIT $1 OFFSET $2',
    given: page(2, 1),
    isOrdered: ordered,
  },
  {
    sql: 'SELECT "public"."lines"."id" FROM "public"."lines" WHERE "public"."lines"."order_id" IN ($1,$2) ORDER BY "public"."lines"."id" OFFSET $3',
    given: (v) => [v.order, v.otherOrder, 0],
    isOrdered: ordered,
  },
  {
    sql: 'SELECT "t0"."id" FROM "public"."orders" AS "t0" WHERE ("t0"."id") NOT IN (SELECT "t1"."order_id" FROM "public"."lines" AS "t1" WHERE ("t1"."position" >= $1 AND "t1"."order_id" IS NOT NULL))',
    given: page(1),
  },
  {
    sql: 'SELECT "t0"."id" FROM "public"."orders" AS "t0" WHERE EXISTS(SELECT "t1"."order_id" FROM "public"."lines" AS "t1" WHERE ("t1"."sku" = $1 AND ("t0"."id") = ("t1"."order_id") AND "t1"."order_id" IS NOT NULL))',
    given: page('s3'),
  },
  {
    sql: 'SELECT "public"."orders"."id", COALESCE("aggr"."_count", 0) AS "_count" FROM "public"."orders" LEFT JOIN (SELECT "public"."lines"."order_id", COUNT(*) AS "_count" FROM "public"."lines" WHERE 1=1 GROUP BY "public"."lines"."order_id") AS "aggr" ON ("public"."orders"."id" = "aggr"."order_id") WHERE 1=1 ORDER BY COALESCE("aggr"."_count", $1) DESC, "public"."orders"."id" LIMIT $2 OFFSET $3',
    given: page(0, 8, 2),
    isOrdered: ordered,
  },
  {
    sql: 'SELECT DISTINCT "distinctAlias"."Order_id" AS "ids_Order_id" FROM (SELECT "Order"."id" AS "Order_id", "l"."id" AS "l_id" FROM "orders" "Order" LEFT JOIN "lines" "l" ON "l"."order_id"="Order"."id") "distinctAlias" ORDER BY "Order_id" ASC LIMIT 5 OFFSET 10',
    isOrdered: ordered,
  },
  {
    sql: 'SELECT DISTINCT "distinctAlias"."Order_id" AS "ids_Order_id", "distinctAlias"."Order_status" FROM (SELECT "Order"."id" AS "Order_id", "Order"."status" AS "Order_status", "l"."id" AS "l_id" FROM "orders" "Order" LEFT JOIN "lines" "l" ON "l"."order_id"="Order"."id" WHERE "Order"."amount" > $1) "distinctAlias" ORDER BY "distinctAlias"."Order_status" DESC, "Order_id" ASC LIMIT 10',
    given: page(4),
    isOrdered: ordered,
  },
  {
    sql: 'SELECT COUNT(DISTINCT("Order"."id")) AS "cnt" FROM "orders" "Order" LEFT JOIN "lines" "l" ON "l"."order_id"="Order"."id"',
  },
  {
    sql: 'SELECT COUNT(DISTINCT("l"."order_id")) AS "cnt", COUNT(DISTINCT("l"."parent_id")) AS "parents" FROM "orders" "Order" LEFT JOIN "lines" "l" ON "l"."order_id"="Order"."id"',
  },
  { sql: 'SELECT COUNT(DISTINCT("Order"."tenant_id", "Order"."status")) AS "cnt" FROM "orders" "Order"' },
  { sql: 'SELECT COUNT(1) AS "cnt" FROM "orders" "Order" WHERE "Order"."status" = $1', given: page('paid') },
  {
    sql: 'SELECT "o"."id" AS "o_id", COUNT("l"."id") AS "n" FROM "orders" "o" INNER JOIN "lines" "l" ON "l"."order_id"="o"."id" GROUP BY "o"."id" HAVING COUNT("l"."id") > 1',
  },
  {
    sql: 'SELECT "l"."order_id", COUNT(DISTINCT "l"."sku"), array_agg("l"."position" ORDER BY "l"."position") FROM "lines" "l" GROUP BY "l"."order_id"',
  },
  {
    sql: 'SELECT 1 AS "row_exists" FROM (SELECT 1 AS dummy_column) "dummy_table" WHERE EXISTS (SELECT 1 FROM "orders" "Order" WHERE "Order"."status" = $1) LIMIT 1',
    given: page('paid'),
  },
  {
    sql: 'SELECT 1 AS "row_exists" FROM (SELECT 1 AS dummy_column) "dummy_table" WHERE EXISTS (SELECT 1 FROM "orders" "Order" WHERE "Order"."status" = $1) LIMIT 1',
    given: page('nothing'),
  },
  {
    sql: 'select exists(select 1 from "orders" where "tenant_id" > $1) as "exists", not exists(select 1 from "lines" where "sku" = $2 limit 1) as "none", 1 as "one"',
    given: page(2, 's9'),
  },
  { sql: 'select exists(select 1 from "lines" where "sku" = $1)', given: page('never') },
  {
    sql: 'select "o"."id", (select coalesce(json_agg(agg), \'[]\') from (select "l"."id", "l"."sku" from "lines" as "l" where "l"."order_id" = "o"."id" order by "l"."id") as agg) as "lines" from "orders" as "o" order by "o"."id" limit $1',
    given: page(9),
    isOrdered: ordered,
  },
  {
    sql: 'select "orders"."id", "orders_lines"."data" as "lines" from "orders" left join lateral (select coalesce(json_agg(json_build_array("orders_lines"."id") order by "orders_lines"."id"), \'[]\'::json) as "data" from (select * from "lines" "orders_lines" where "orders_lines"."order_id" = "orders"."id" order by "orders_lines"."id" limit $1) "orders_lines") "orders_lines" on true order by "orders"."id" limit $2',
    given: page(2, 7),
    isOrdered: ordered,
  },
  {
    sql: 'select "d0"."id" as "id", "order"."r" as "order" from "lines" as "d0" left join lateral(select row_to_json("t".*) "r" from (select "d1"."id" as "id", "d1"."status" as "status" from "orders" as "d1" where "d0"."order_id" = "d1"."id" limit $1) as "t") as "order" on true order by "d0"."id"',
    given: page(1),
    isOrdered: ordered,
  },
  {
    sql: 'select "d0"."id" as "id", "d0"."status" as "status", "d0"."total" as "total", "lines"."r" as "lines", "customer"."r" as "customer" from (select "d0".* from "orders" as "d0" order by "d0"."status" desc, "d0"."id" asc limit $1 offset $2) as "d0" left join lateral(select coalesce(json_agg(row_to_json("t".*) order by "t"."id"), \'[]\') as "r" from (select "d1"."id"::text as "id", "d1"."sku" as "sku" from "lines" as "d1" where "d0"."id" = "d1"."order_id") as "t") as "lines" on true left join lateral(select row_to_json("t".*) "r" from (select "d1"."id"::text as "id", "d1"."name" as "name" from "customers" as "d1" where "d0"."customer_id" = "d1"."id" limit $3) as "t") as "customer" on true order by "d0"."status" desc, "d0"."id" asc',
    given: page(5, 2, 1),
    isOrdered: ordered,
  },
  {
    sql: 'select "d0"."id" as "id", "d0"."status" as "status", "d0"."total" as "total", "lines"."r" as "lines", "customer"."r" as "customer" from (select "d0".* from "orders" as "d0" order by "d0"."status" desc, "d0"."id" asc limit $1 offset $2) as "d0" left join lateral(select coalesce(json_agg(row_to_json("t".*) order by "t"."id"), \'[]\') as "r" from (select "d1"."id"::text as "id", "d1"."sku" as "sku" from "lines" as "d1" where "d0"."id" = "d1"."order_id") as "t") as "lines" on true left join lateral(select row_to_json("t".*) "r" from (select "d1"."id"::text as "id", "d1"."name" as "name" from "customers" as "d1" where "d0"."customer_id" = "d1"."id" limit $3) as "t") as "customer" on true order by "d0"."status" desc, "d0"."id" asc',
    given: page(3, 20, 1),
    isOrdered: ordered,
  },
  {
    sql: 'select "d0"."id" as "id", "d0"."status" as "status", "d0"."total" as "total", "lines"."r" as "lines", "customer"."r" as "customer" from (select "d0".* from "orders" as "d0" order by "d0"."status" desc, "d0"."id" asc limit $1 offset $2) as "d0" left join lateral(select coalesce(json_agg(row_to_json("t".*) order by "t"."id"), \'[]\') as "r" from (select "d1"."id"::text as "id", "d1"."sku" as "sku" from "lines" as "d1" where "d0"."id" = "d1"."order_id") as "t") as "lines" on true left join lateral(select row_to_json("t".*) "r" from (select "d1"."id"::text as "id", "d1"."name" as "name" from "customers" as "d1" where "d0"."customer_id" = "d1"."id" limit $3) as "t") as "customer" on true order by "d0"."status" desc, "d0"."id" asc',
    given: page(100, 0, 1),
    isOrdered: ordered,
  },
  { sql: 'select "order_id" from "lines" union select "id" from "orders"' },
  { sql: 'select "order_id" from "lines" intersect select "id" from "orders" where "status" = \'paid\'' },
  { sql: 'select *, row_number() over (partition by "order_id" order by "id") from "lines"' },
]
