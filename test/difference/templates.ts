/**
 * Statements with holes, for the grammar that random composition does not reach. `‹a¦b›` is a choice, `{…}` a hole:
 * `{tenant}` and the like are values, as parameters or literals; `{where a:orders}` is a condition on that table.
 */
export interface Template {
  readonly sql: string
  /** `sequence`: its ORDER BY is total. */
  readonly order: 'sequence' | 'bag'
  readonly writes: string | undefined
}

const ordered = (sql: string): Template => ({ sql, order: 'sequence', writes: undefined })
const bag = (sql: string): Template => ({ sql, order: 'bag', writes: undefined })
const writing = (writes: string, sql: string): Template => ({ sql, order: 'bag', writes })

const joins: readonly Template[] = [
  ordered(
    'select a.tenant_id, a.id, l.n, l.best from orders a ‹cross join¦left join¦join› lateral (select count(*) as n, max(c.score) as best from customers c where ‹c.tenant_id = a.tenant_id and c.id = a.customer_id¦c.tenant_id = a.tenant_id¦c.id = a.customer_id›) l ‹¦on true›‹ where {where a:orders}¦› order by a.tenant_id, a.id{limits}',
  ),
  ordered(
    'select t.id, l.id, l.total from tenants t, lateral (select o.id, o.total from orders o where o.tenant_id = t.id ‹and {where o:orders} ¦›order by o.id ‹desc ¦›limit ‹1¦2›) l ‹where {where t:tenants} ¦›order by t.id, l.id{limits}',
  ),
  ordered(
    'select tenant_id, a.id, b.id, b.name from orders a ‹join¦left join¦right join¦full join› customers b using (tenant_id) where ‹{where a:orders}¦tenant_id = {tenant}¦tenant_id in ({tenant}, {tenant})¦b.tenant_id = {tenant}› order by tenant_id, a.id, b.id{limits}',
  ),
  ordered(
    'select tenant_id, id, a.country, b.name from orders a natural ‹join¦left join¦right join¦full join› customers b ‹where {where a:orders} ¦where tenant_id = {tenant} ¦›order by tenant_id, id{limits}',
  ),
  ordered(
    'select a.id, b.id, c.id from (orders a ‹join¦left join› customers b on b.id = a.customer_id and b.tenant_id = a.tenant_id) ‹join¦left join¦right join› (tenants c ‹join¦left join› customers d on d.tenant_id = c.id and d.score > {small}) on c.id = a.tenant_id ‹where {where a:orders} ¦where c.id = {tenant} ¦›order by a.id, b.id, c.id, d.id{limits}',
  ),
  ordered(
    'select j.tenant, j.n, j.c from (orders a join customers b on a.customer_id = b.id) as j(tenant, n, cid, country, total, weight, paid, at, status, note, c) ‹where j.tenant = {tenant} ¦›order by 1, 2, 3{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id, v.word from orders a ‹join¦left join› (values (‹{tenant}::int¦1¦2::int8›, ‹{word}¦null›), ({tenant}::int, {word}::text)) v (k, word) on v.k = a.tenant_id order by a.tenant_id, a.id, v.word nulls last{limits}',
  ),
  ordered(
    'select v.k, a.id from (values (1), (2), (3), (4), (5)) v (k) ‹join¦left join¦right join› orders a on a.tenant_id = v.k ‹where {where a:orders} ¦›order by v.k, a.id{limits}',
  ),
  ordered(
    'select g.n, a.id from generate_series(1, ‹12¦3¦{small}::int›) as g(n) ‹join¦left join¦right join› orders a on a.tenant_id = g.n ‹and {where a:orders} ¦›order by g.n, a.id{limits}',
  ),
  ordered(
    "select a.recorded_at, a.sensor, d from readings a join generate_series({month}::timestamptz, {month}::timestamptz, interval ‹'1 month'¦'10 days'›) d on ‹a.recorded_at >= d and a.recorded_at < d + interval '1 month'¦a.recorded_at = d› order by 1, 2, 3{limits}",
  ),
  ordered(
    'select a.tenant_id, a.id, k from orders a join unnest(‹$ints¦array[{tenant}::int, {tenant}::int]¦array[1,2,3]›) k on a.tenant_id = k order by 1, 2, 3{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id, b.tenant_id, b.id from orders a ‹join¦left join¦full join› orders b on ‹a.tenant_id = b.tenant_id and a.id + 1 = b.id¦(a.tenant_id, a.id) = (b.tenant_id, b.customer_id)¦a.id = b.id›‹ where a.tenant_id = {tenant}¦ where b.tenant_id = {tenant}¦ where {where a:orders}¦› order by 1, 2, 3, 4{limits}',
  ),
  ordered(
    'select a.id, co.name from orders a ‹join¦left join¦right join¦full join› countries co on co.code = a.country ‹where {where a:orders} ¦where co.rate > 0.19 ¦›order by a.tenant_id, a.id, co.code{limits}',
  ),
  ordered(
    'select co.code, count(a.id), count(distinct a.tenant_id) from countries co ‹left join¦join› orders a on a.country = co.code ‹and a.tenant_id = {tenant} ¦›group by co.code order by co.code{limits}',
  ),
]

const queries: readonly Template[] = [
  ordered(
    'with recursive r(t, id, n) as (select tenant_id, id, 1 from orders where ‹tenant_id = {tenant}¦{where orders:orders}› and id < 40 union ‹all¦› select ‹r.t¦o.tenant_id›, o.id, r.n + 1 from r join orders o on ‹o.tenant_id = r.t and o.id > r.id¦o.id = r.id + 1 and o.tenant_id = {tenant}› where r.n < 3) select t, id, n from r order by t, id, n{limits}',
  ),
  ordered(
    'with recursive n(i) as (select 1 union all select i + 1 from n where i < 12) select n.i, count(t.id) from n ‹join¦left join› tenants t on t.id = n.i group by n.i order by n.i',
  ),
  ordered(
    'with a as ‹materialized¦not materialized¦› (select * from orders where {where orders:orders}), b as (select * from a where {where a:orders}) select a.id, b.id from a ‹join¦left join› b using (tenant_id, id) order by 1, 2{limits}',
  ),
  ordered(
    'with a as (select tenant_id, count(*) as n from orders group by tenant_id) select t.id, a.n, (select max(n) from a ‹where a.tenant_id = t.id¦›) from tenants t left join a on a.tenant_id = t.id ‹where t.id = {tenant} ¦›order by t.id{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id, exists (select 1 from customers c where c.tenant_id = a.tenant_id and ‹c.id = a.customer_id¦{where c:customers}›) as e, (select ‹name¦score¦count(*)› from customers c where c.tenant_id = a.tenant_id and c.id = a.customer_id ‹group by 1¦›) as s from orders a ‹where {where a:orders} ¦›order by 1, 2{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id, (select c.name from customers c where c.id = a.customer_id) as who, (select ‹max(total)¦sum(total)¦count(*)› from orders o where o.tenant_id = ‹a.tenant_id¦{tenant}¦o.tenant_id›) from orders a ‹where a.tenant_id = {tenant} ¦›order by 1, 2{limits}',
  ),
  ordered(
    'select id, tenant_id from orders a where ‹not ¦›(customer_id ‹in¦not in¦= any¦<> all› (select ‹id¦nullif(score, {small})› from customers c ‹where c.tenant_id = a.tenant_id¦where c.tenant_id = {tenant}¦›)) ‹and a.tenant_id = {tenant} ¦›order by 2, 1{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id from orders a where a.tenant_id ‹in¦not in¦= any› (select tenant_id from customers where {where customers:customers}) and {where a:orders} order by 1, 2{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id from orders a where (a.tenant_id, a.customer_id) ‹in¦not in› (select tenant_id, id from customers c where ‹{where c:customers}¦c.tenant_id = a.tenant_id¦true›) order by 1, 2{limits}',
  ),
  ordered(
    "select case when tenant_id = {tenant} then 'mine' when tenant_id in ({tenant}, {tenant}) then {word} else coalesce(note, country, 'none') end as c, tenant_id, id from orders where ‹case tenant_id when {tenant} then true else paid end¦coalesce(tenant_id, {tenant}) = {tenant}¦nullif(tenant_id, {tenant}) is null¦tenant_id = coalesce({tenant}::int, 1)¦greatest(tenant_id, 3) = 3› order by ‹1, ¦›2, 3{limits}",
  ),
  ordered(
    'select tenant_id, id from orders where (tenant_id, id) ‹>¦>=¦<¦<=¦=¦<>› ({tenant}, {small}) order by tenant_id, id{limits}',
  ),
  ordered(
    'select entity_id, name from features where ‹(entity_id, name) in (({entity}, {name}), ({entity}, {name}))¦row(entity_id, name) = row({entity}, {name})¦(entity_id, version) = ({entity}, {small})› order by 1, 2{limits}',
  ),
  ordered(
    'select distinct on (‹tenant_id¦country¦tenant_id, country›) tenant_id, country, id, total from orders ‹where {where orders:orders} ¦›order by ‹tenant_id, ¦country, ›tenant_id, country, id{limits}',
  ),
  ordered(
    'select distinct tenant_id, country from orders ‹where {where orders:orders} ¦›order by ‹country desc nulls ‹first¦last›, tenant_id¦2, 1¦tenant_id, country›{limits}',
  ),
  bag(
    'select ‹country¦total¦tenant_id¦placed_at::date¦paid› as k from orders ‹where {where orders:orders} ¦›order by 1 ‹desc ¦›‹nulls first ¦›fetch first ‹1¦3¦7› rows with ties',
  ),
  ordered(
    'select tenant_id, id from orders order by ‹total desc nulls last, ¦note collate "C", ¦lower(note), ¦total + weight::numeric, ¦status desc, ¦length(note), ¦-id, ¦paid and total > 5, ›tenant_id, id ‹offset {small} rows fetch next 5 rows only¦limit 7¦limit null¦limit all offset 3›',
  ),
  ordered(
    'select country, paid, ‹count(*)¦sum(total)¦grouping(country, paid)› from orders group by ‹grouping sets ((country), (paid), ())¦rollup (country, paid)¦cube (country, paid)¦distinct rollup (country), paid› order by 1, 2, 3',
  ),
  ordered(
    'select tenant_id, country, count(*) from orders ‹where tenant_id = {tenant} ¦›group by ‹grouping sets ((tenant_id, country), (tenant_id))¦rollup (tenant_id, country)¦tenant_id, rollup (country)› order by 1, 2, 3',
  ),
  ordered(
    'select tenant_id, id, ‹rank()¦dense_rank()¦sum(total)¦lag(total, 1)¦first_value(id)¦ntile(2)¦count(*)¦percent_rank()› over (‹partition by tenant_id ¦partition by country ¦partition by tenant_id, country ¦›order by id ‹rows 1 preceding ¦range between 5 preceding and current row ¦›) as w from orders ‹where {where orders:orders} ¦where tenant_id = {tenant} ¦›order by 1, 2{limits}'.replace(
      'ntile(2)¦',
      '',
    ),
  ),
  ordered(
    'select t.id, sum(count(*)) over (‹partition by t.id¦›) as s, rank() over (order by count(*) desc, t.id) from tenants t join orders o on o.tenant_id = t.id group by t.id order by t.id',
  ),
  ordered(
    "select country, ‹sum(total) / nullif(count(total), 0)¦avg(total)::numeric(10,3)¦round(avg(weight)::numeric, 2)¦max(total) - min(total)¦count(*) filter (where paid)¦count(distinct tenant_id)¦count(distinct (tenant_id, id))¦bool_or(paid) and count(*) > 2¦min(placed_at)¦max(note)¦coalesce(sum(weight), 0) + 1¦string_agg(note, ',' order by tenant_id, id)¦array_agg(id order by tenant_id, id)¦sum(distinct total)¦stddev(weight)¦mode() within group (order by paid)› as v from orders ‹where {where orders:orders} ¦›group by country ‹having count(*) > {small} ¦having sum(total) > 10 ¦having max(total) > {small}::numeric ¦›order by country nulls first{limits}",
  ),
  ordered(
    "select tenant_id, ‹string_agg(note, '|' order by id)¦array_agg(distinct country)¦percentile_disc(0.5) within group (order by total)¦jsonb_object_agg(id, total order by id)¦variance(total)› as v from orders ‹where {where orders:orders} ¦›group by tenant_id ‹having count(*) > 1 ¦›order by tenant_id{limits}",
  ),
  ordered(
    'select ‹lower(note)¦upper(country)¦total::int¦placed_at::date¦date_trunc(\'month\', placed_at)¦extract(month from placed_at)¦status¦paid¦weight > 3¦total % 3¦tenant_id % 3¦note collate "C"¦left(note, 1)› as k, count(*), sum(total) from orders ‹where {where orders:orders} ¦›group by ‹1¦k› order by 1 ‹desc nulls last ¦›{limits}',
  ),
  ordered(
    'select sum(n) as total, count(*) from (select tenant_id, count(*) as n from orders ‹where {where orders:orders} ¦›group by tenant_id) q',
  ),
  ordered(
    'select count(*), max(n), min(k) from (select ‹tenant_id¦country› as k, count(*) as n from orders group by 1 ‹having count(*) > 2¦›) q',
  ),
  ordered(
    'select q.k, q.n, a.plan from (select tenant_id as k, count(*) as n, max(id) as m from orders group by tenant_id ‹order by 2 desc limit 3¦›) q join tenants a on a.id = q.k order by q.k{limits}',
  ),
  ordered(
    'select tenant_id, id, total from orders a where total = (select max(total) from orders b where ‹b.tenant_id = a.tenant_id¦b.country = a.country¦true› ‹and a.tenant_id = {tenant} and b.tenant_id = {tenant} ¦›) order by 1, 2{limits}',
  ),
  ordered(
    'select tenant_id, id from orders a where id ‹=¦>=¦<›‹ any¦ all› (select ‹o.id¦max(o.id)› from orders o where o.tenant_id = a.tenant_id ‹and {where o:orders}¦›) order by 1, 2{limits}',
  ),
  ordered(
    '(select tenant_id, id from orders where {where orders:orders} ‹order by 2, 1 limit 3¦›) ‹union¦union all¦except¦intersect¦except all¦intersect all› (select tenant_id, id from customers ‹where tenant_id = {tenant}¦› ‹union all select id, 1 from tenants¦›) order by 1, 2{limits}',
  ),
  ordered(
    'select k, count(*), sum(v) from (select tenant_id as k, total as v from orders union all select tenant_id, score from customers ‹where tenant_id = {tenant}¦›) u ‹where k in ({tenant}, {tenant}) ¦›group by k order by k{limits}',
  ),
  ordered(
    'select x from (select ‹note¦country› as x from orders union select name from customers) u ‹where x ‹>¦like› {word} ¦›order by x collate "C" nulls first{limits}',
  ),
  ordered(
    "select distinct status from orders ‹where status ‹>¦=¦<› ‹'ok'¦'ok'::mood› ¦›order by status ‹desc ¦›nulls ‹first¦last›",
  ),
  ordered(
    'select tag, count(*), max(version), sum(value) from features ‹where {where features:features} ¦where tag = {uuid} ¦›group by tag order by tag nulls first{limits}',
  ),
  ordered(
    'select joined, count(*), min(name) from tenants ‹where joined ‹>=¦<› {date}::date ¦›group by joined order by joined nulls last{limits}',
  ),
  bag(
    'select tenant_id, ‹count(*)¦sum(total)¦min(note)› from orders group by tenant_id ‹having tenant_id = {tenant}¦having tenant_id < {tenant}¦›',
  ),
  bag(
    '‹table countries¦select * from countries¦select code, (select count(*) from orders o where o.country = c.code and o.tenant_id = {tenant}) from countries c¦select s.*, c.name from settings s, countries c¦select count(*) from settings s where exists (select 1 from countries c where c.code = s.value)›',
  ),
  bag(
    "select ‹1¦{small}::int8 + 1¦{word}::text || 'x'¦array[1, {small}::int]¦row(1, 'a')::text¦null::int¦exists (select 1 from orders where tenant_id = {tenant})¦(select count(*) from orders)¦(select id from orders where tenant_id = {tenant} order by id limit 1)›",
  ),
]

/** One parameter in places that give it different types, and parameters behind casts. */
const parameters: readonly Template[] = [
  ordered(
    'select tenant_id, id from orders where tenant_id = $tenant and ‹id = $same¦customer_id = $same¦weight = $same¦total = $same¦note = $same::text¦$same::int > 3¦$same is not null¦id in (1, $same, 7)¦total > $same::numeric¦$same = any (array[1, 2, 3])› order by 1, 2',
  ),
  ordered(
    'select tenant_id, id from orders where ‹weight¦total¦id¦customer_id› = $tenant and tenant_id = $same order by 1, 2',
  ),
  ordered(
    "select tenant_id, id from orders where tenant_id = ‹$tenant::int¦$tenant::bigint¦$tenant::smallint¦cast($tenant as integer)¦int4(8)¦$tenant::text::int¦$tenant::numeric¦$tenant::float8¦($tenant)¦(($tenant::int))¦+$tenant¦-$tenant¦$tenant + 0¦abs($tenant)¦(select $tenant::int)¦1.0¦3::numeric(2)¦'3'¦'0x3'¦' 3 '¦0x3¦0b11¦1_0¦003¦3::oid::int4¦$tenant::varchar(1)::int› order by 1, 2",
  ),
  ordered(
    "select entity_id, name from features where entity_id = ‹{entity}¦{entity}::text¦{entity}::varchar¦{entity}::varchar(3)¦{entity}::char(5)¦{entity}::bpchar¦{entity}::name¦E'\\u00fcn\\u00efcode'¦U&'\\+01F680'¦U&'!00fcn!00efcode' uescape '!'¦$$a b$$¦$x$o'hara$x$¦'a' ' b'¦'sensor' || '-1'¦lower({entity})¦({entity} collate \"C\")¦N'Z'¦'a'\n' b'¦e'a\\x20b'› order by 1, 2",
  ),
  ordered(
    "select entity_id, name from features where ‹entity_id like {entity}¦entity_id ilike 'z'¦entity_id || '' = {entity}¦entity_id collate \"C\" = {entity}¦entity_id = any ('{a b,Z,\"o''hara\",NULL}')¦entity_id = any (array[{entity}, {entity}]::text[])¦entity_id = any (array[{entity}::varchar, null])¦entity_id = any (string_to_array('Z,z', ','))¦entity_id <> all (array[{entity}])¦entity_id > {entity}¦entity_id::varchar = {entity}¦entity_id::bpchar = {entity}¦not entity_id <> {entity}¦(entity_id = {entity}) is not false¦entity_id is not distinct from {entity}› order by 1, 2",
  ),
  ordered(
    "select recorded_at, sensor from readings where recorded_at ‹=¦>=¦<¦>¦<=› ‹{month}¦{month}::timestamptz¦{month}::timestamp¦'2026-03-01'¦'2026-03-01 00:00:00+05:30'¦timestamptz '2026-03-01 01:00+02'¦date '2026-04-01'¦timestamp '2026-05-01 10:00'¦'infinity'¦'-infinity'¦to_timestamp(1775000000)› ‹and recorded_at < {month} ¦and recorded_at >= {month}::timestamptz - interval '1 month' ¦›order by 1, 2{limits}",
  ),
  ordered(
    "select recorded_at, sensor from readings where ‹recorded_at between ‹symmetric ¦›{month} and {month}¦recorded_at >= {month} and recorded_at < {month}¦recorded_at > {month} or sensor = {small}¦(recorded_at, sensor) > ({month}, {small})¦recorded_at in ({month}, {month})¦date_trunc('month', recorded_at) = {month}::timestamptz¦recorded_at::date = {date}::date¦(recorded_at >= {month} and recorded_at < {month}) or (recorded_at >= {month} and recorded_at < {month})¦not (recorded_at < {month})¦recorded_at = any (array[{month}, {month}]::timestamptz[])¦tstzrange({month}, null) @> recorded_at› order by 1, 2{limits}",
  ),
  ordered(
    'select tenant_id, id from orders where tenant_id ‹= any ($ints)¦= any ($ints::int[])¦= any ($ints::bigint[])¦<> all ($ints)¦> any ($ints)¦= all ($ints)¦in (select unnest($ints::int[]))› order by 1, 2{limits}',
  ),
  ordered(
    'select tenant_id, id from orders where ‹tenant_id is not distinct from {tenant}¦tenant_id is distinct from {tenant}¦tenant_id = {tenant} is true¦(tenant_id = {tenant}) = true¦tenant_id = {tenant} or false¦not not tenant_id = {tenant}¦tenant_id = {tenant} and null¦tenant_id = {tenant} and {tenant}::int = tenant_id¦tenant_id in ({tenant}) and tenant_id in ({tenant}, {tenant})¦(tenant_id = {tenant} and id < 50) or (tenant_id = {tenant} and id > 50)¦tenant_id between {tenant} and {tenant}¦(tenant_id) in (({tenant}))¦tenant_id = id¦id = {small} and tenant_id = id› order by 1, 2{limits}',
  ),
  ordered(
    'select tenant_id, id, tenant_id = $tenant as mine, $same::int as p from orders where tenant_id ‹=¦<=› $same order by 1, 2{limits}',
  ),
]

const writes: readonly Template[] = [
  writing(
    'features',
    'insert into features (entity_id, name, value, version) select entity_id, name || {word}, value, version from features where length(name) < 12 ‹and entity_id = {entity} ¦and {where features:features} ¦›on conflict ‹(entity_id, name) do nothing¦(entity_id, name) do update set value = excluded.value‹, entity_id = excluded.entity_id¦›¦do nothing›',
  ),
  writing(
    'features',
    'insert into features (entity_id, name, version) select {entity}, n::text, n from generate_series(1, 3) n on conflict do nothing ‹returning entity_id, name¦›',
  ),
  writing(
    'features',
    'insert into features (name, entity_id, value) select s.name, ‹{entity}::text¦s.value¦lower({entity})›, s.level from settings s on conflict do nothing',
  ),
  writing(
    'features',
    'insert into features (entity_id, name, version, tag) values ({entity}, ‹{name}¦lower({name})›, {small}, {uuid}), ({entity}, {name}, default, null), ({entity}, {word}, {small}, {uuid}::uuid) on conflict (entity_id, name) do ‹nothing¦update set version = features.version + excluded.version¦update set value = 1 where features.version < {small}¦update set entity_id = excluded.entity_id, tag = excluded.tag¦update set entity_id = {entity}›‹ returning *¦ returning entity_id, name, version + 1 as next¦ returning (select count(*) from countries)¦›',
  ),
  writing(
    'features',
    'insert into features values ({entity}, {word}, 1.5, {small}, {uuid}), ({entity}, {word}) ‹on conflict do nothing¦on conflict on constraint features_pkey do nothing¦›',
  ),
  writing(
    'readings',
    "insert into readings (recorded_at, sensor, value, payload) values ({month}, {small}, 1.00, '{\"b\": [1, 2]}'), (‹'2026-04-01 02:00+02'¦timestamptz '2026-05-05 05:05Z'¦{month}::timestamptz¦'2026-06-06'›, 77, null, null) on conflict do nothing returning sensor, value, payload",
  ),
  writing(
    'orders',
    'update orders set ‹total = c.score¦note = c.name, total = total + 1› from customers c where ‹c.id = orders.customer_id and c.tenant_id = orders.tenant_id¦c.tenant_id = orders.tenant_id and c.id = {small}¦c.id = orders.customer_id› and ‹orders.tenant_id = {tenant}¦c.tenant_id = {tenant}¦orders.tenant_id in ({tenant}, {tenant})› ‹returning orders.id, c.id¦›',
  ),
  writing(
    'orders',
    'update orders o set (total, note) = ‹(select score, name from customers c where c.tenant_id = o.tenant_id and c.id = o.customer_id)¦row({small}, {word})› where o.tenant_id ‹= {tenant}¦in ({tenant}, {tenant})¦= any ($ints)› ‹returning o.tenant_id, o.id, o.total¦returning old.total, new.total¦›',
  ),
  writing(
    'orders',
    'update orders set tenant_id = ‹tenant_id¦{tenant}¦$tenant› where tenant_id = $same and {where orders:orders}',
  ),
  writing(
    'orders',
    'update orders set paid = not paid, note = ‹note || {word}¦upper(note)¦null¦default¦(select name from countries where code = orders.country)› where tenant_id = {tenant} and ‹id = any (select id from orders where tenant_id = {tenant})¦exists (select 1 from customers c where c.tenant_id = orders.tenant_id and c.id = orders.customer_id)¦id not in (select customer_id from orders o2 where o2.tenant_id = orders.tenant_id and customer_id is not null)›',
  ),
  writing(
    'orders',
    'delete from orders using customers c where c.tenant_id = orders.tenant_id and c.id = orders.customer_id and ‹orders.tenant_id = {tenant}¦c.tenant_id = {tenant}¦c.score = {small}› and orders.id % 3 = 0 ‹returning orders.id, c.name¦›',
  ),
  writing(
    'orders',
    'delete from orders where ctid in (select ctid from orders where tenant_id = {tenant} and id % 5 = 0) ‹and tenant_id = {tenant}¦›',
  ),
  writing(
    'features',
    'merge into features f using (values ‹({entity}, {name}, {small}::int)¦({entity}::text, {name}::text, 1)›) v (e, n, s) on f.entity_id = v.e and f.name = v.n when matched then ‹update set version = v.s¦delete¦do nothing¦update set version = f.version + 1, entity_id = v.e› when not matched then ‹insert (entity_id, name, version) values (v.e, v.n, v.s)¦insert values (v.e, v.n)¦do nothing¦insert (entity_id, name) values ({entity}, v.n)›',
  ),
  writing(
    'features',
    'merge into features f using features s on f.entity_id = s.entity_id and f.name = s.name ‹and f.entity_id = {entity} ¦and f.entity_id = {entity} and s.entity_id = {entity} ¦›when matched then update set value = s.value + 1 ‹when not matched by source and f.entity_id = {entity} then delete¦when not matched by target then insert (entity_id, name) values (s.entity_id, s.name)¦›',
  ),
  writing(
    'features',
    'with w as (‹update features set value = value + 1 where entity_id = {entity} returning entity_id, name, value¦delete from features where entity_id = {entity} and name = {name} returning *¦insert into features (entity_id, name) values ({entity}, {word}) on conflict do nothing returning *›) select ‹count(*)¦count(w.name), max(f.version)› from w ‹join features f on f.entity_id = w.entity_id¦left join features f using (entity_id, name)¦cross join features f›‹ where f.entity_id = {entity}¦›',
  ),
  writing(
    'features',
    'with d as (select {entity}::text as e) ‹insert into features (entity_id, name) select e, {word} from d on conflict do nothing¦delete from features using d where entity_id = d.e and name = {name}¦update features set value = 0 from d where entity_id = d.e¦insert into features (entity_id, name) values ({entity}, (select e from d)) on conflict do nothing›',
  ),
  writing(
    'settings',
    'update settings set ‹value = (select name from countries where code = {code})¦level = level + 1¦value = (select note from orders where tenant_id = {tenant} order by id limit 1)› where name = {setting} ‹returning *¦›',
  ),
  writing(
    'settings',
    'insert into settings (name, value, level) select {word} || code, name, 1 from countries on conflict (name) do update set level = settings.level + 1',
  ),
  writing(
    'countries',
    "‹update countries set rate = ‹rate + 0.01¦0.20¦(select avg(rate) from countries)¦random()› where code = {code}¦insert into countries (code, name) values ({code}, {word}) on conflict (code) do update set name = excluded.name¦delete from countries where code = 'zz'¦insert into countries select code || 'x', name, rate from countries where code = {code} on conflict do nothing¦update countries set name = upper(name) where exists (select 1 from orders o where o.country = code)¦merge into countries c using (values ({code})) v (k) on c.code = v.k when matched then update set rate = 0.19›",
  ),
]

/** More keys than it takes to give each shard its own of them. */
const batches: readonly Template[] = [
  ordered(
    'select a.tenant_id, a.id, a.total from orders a where ‹¦not ›‹a.tenant_id = any($keys)¦a.tenant_id = any($keys::int[])¦a.tenant_id in ({keys})¦(a.tenant_id, a.id) in ({pairs})›‹ and {where a:orders}¦ or a.id = {small}¦› order by a.tenant_id, a.id{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id, b.name from orders a ‹join¦left join¦full join› customers b on b.tenant_id = a.tenant_id and b.id = a.customer_id where ‹a¦b›.tenant_id ‹= any($keys)¦in ({keys})¦not in ({keys})› order by a.tenant_id, a.id, b.id{limits}',
  ),
  ordered(
    'select i.ref, i.total from invoices i where i.ref ‹= any($refs)¦in ({refs})¦<> all($refs)›‹ and {where i:invoices}¦› order by i.ref{limits}',
  ),
  ordered(
    'select a.tenant_id, a.id, u.n from orders a ‹join¦left join› unnest($keys::int[], $keys::int[]) u (t, n) on a.tenant_id = u.t ‹where {where a:orders} ¦where u.n = any($keys) ¦›order by a.tenant_id, a.id, u.n nulls first{limits}',
  ),
  ordered(
    'with w as (select * from orders a where a.tenant_id ‹= any($keys)¦in ({keys})›) select x.id, y.total, x.tenant_id = any(‹$keys¦$ints›) as inside from w x join w y using (tenant_id, id) order by x.tenant_id, x.id{limits}',
  ),
  bag(
    'select country, count(*), sum(total), count(*) filter (where tenant_id = any($keys)) from orders where tenant_id ‹= any($keys)¦in ({keys})¦not in ({keys})› group by country',
  ),
  writing(
    'orders',
    'update orders set ‹note = {word}¦weight = case when tenant_id in ({keys}) then 1 else 2 end› where ‹tenant_id = any($keys)¦tenant_id in ({keys})¦(tenant_id, id) in ({pairs})›‹ and {where orders:orders}¦›‹ returning tenant_id, id, note¦›',
  ),
  writing(
    'invoice_lines',
    'delete from invoice_lines where invoice_ref ‹= any($refs)¦in ({refs})› and position > 1',
  ),
  writing(
    'features',
    'insert into features (entity_id, name, value) select ‹*¦a, b, c¦u.a, {word}, c› from unnest($entities::text[], $words::text[], $floats::float8[]) u (a, b, c)‹ where c > {small}¦› on conflict (entity_id, name) do ‹nothing¦update set value = excluded.value, version = features.version + 1›‹ returning entity_id, name, value¦›',
  ),
  writing(
    'features',
    'insert into features (entity_id, name) select unnest($entities::text[]), ‹unnest($words::text[])¦{word}› on conflict do nothing',
  ),
  writing(
    'features',
    'update features f set version = f.version + 1 from unnest($entities::text[], $floats::float8[]) u (e, v) where f.entity_id = u.e and ‹f.value > {small}¦u.v > {small}›‹ returning f.entity_id, f.name, f.version¦›',
  ),
]

export const templates: readonly (readonly [weight: number, templates: readonly Template[]])[] = [
  [26, joins],
  [34, queries],
  [22, parameters],
  [18, writes],
  [24, batches],
]
