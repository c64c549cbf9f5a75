/** Statements as ORMs print them for ordinary models; `n` makes each text a new one, so that no plan is found. */
export const ormStatements: readonly ((n: number) => string)[] = [
  (n) => `select "id", "total" as "c${n}" from "orders" where "tenant_id" = $1 and "id" = $2`,
  (n) =>
    `select * from "orders" as "o${n}" where "o${n}"."tenant_id" = $1 order by "o${n}"."id" desc limit $2`,
  (n) =>
    `select "orders"."id", "orders"."total", "customers"."name" as "n${n}" from "orders" inner join "customers" on "customers"."tenant_id" = "orders"."tenant_id" and "customers"."id" = "orders"."customer_id" where "orders"."tenant_id" = $1 and "orders"."paid" = $2 order by "orders"."placed_at" desc, "orders"."id" limit $3 offset $4`,
  (n) =>
    `select "t"."id", (select coalesce(json_agg(agg), '[]') from (select "o"."id", "o"."total" from "orders" as "o" where "o"."tenant_id" = "t"."id" order by "o"."id") as agg) as "orders${n}" from "tenants" as "t" where "t"."id" = $1`,
  (n) =>
    `SELECT "Order"."tenant_id" AS "Order_tenant_id", "Order"."id" AS "Order_id", "Order"."total" AS "Order_total_${n}", "Order"."status" AS "Order_status" FROM "orders" "Order" WHERE (("Order"."tenant_id" = $1) AND ("Order"."status" IN ($2, $3))) ORDER BY "Order"."id" ASC LIMIT 20`,
  (n) =>
    `SELECT "public"."orders"."id", "public"."orders"."tenant_id", "public"."orders"."total" AS "a${n}" FROM "public"."orders" WHERE ("public"."orders"."tenant_id" = $1 AND "public"."orders"."total" > $2) ORDER BY "public"."orders"."id" ASC LIMIT $3 OFFSET $4`,
  (n) =>
    `SELECT COUNT(*) AS "_count${n}" FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE "public"."orders"."tenant_id" = $1 OFFSET $2) AS "sub"`,
  (n) =>
    `insert into "orders" ("tenant_id", "id", "total", "status") values ($1, $2, $3, $4) returning "id" as "id${n}"`,
  (n) =>
    `insert into "features" ("entity_id", "name", "value") values ($1, $2, $3), ($4, $5, $6) on conflict ("entity_id", "name") do update set "value" = excluded."value" returning "value" as "v${n}"`,
  (n) => `update "orders" set "total" = $1, "note" = 'n${n}' where ("tenant_id" = $2 and "id" = $3)`,
  (n) => `delete from "orders" where "orders"."tenant_id" = $1 and "orders"."id" = any($2) and 'x${n}' <> ''`,
  (n) =>
    `with "recent" as (select "tenant_id", "id", "total" from "orders" where "tenant_id" = $1 order by "placed_at" desc limit 10) select "recent".*, "countries"."name" as "c${n}" from "recent" left join "countries" on "countries"."code" = 'de'`,
]
