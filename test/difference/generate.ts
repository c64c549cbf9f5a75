import type { Draw } from './draw.ts'
import { choose } from './fill.ts'
import {
  entityIds,
  invoiceRefs,
  months,
  tables,
  tenantIds,
  words,
  type ColumnType,
  type TableShape,
} from './schema.ts'
import { templates } from './templates.ts'

/** One generated statement, and what may be compared of its result. */
export interface Generated {
  readonly text: string
  readonly values: readonly unknown[]
  /** `sequence`: ORDER BY is total, rows are compared in order; `bag`: order is free. */
  readonly order: 'sequence' | 'bag'
  /** The table written, whose whole content is compared afterwards. */
  readonly writes: string | undefined
}

/** A table of the FROM clause under its alias. */
interface Source {
  readonly alias: string
  readonly shape: TableShape
}

/** Collects the parameters of one statement while its text is made. */
class Text {
  readonly values: unknown[] = []
  readonly draw: Draw
  constructor(draw: Draw) {
    this.draw = draw
  }

  /** A value as a parameter or as a literal. */
  value(type: ColumnType, value: unknown): string {
    if (this.draw.chance(60)) {
      this.values.push(value)
      return `$${this.values.length}${this.draw.chance(25) ? `::${type}` : ''}`
    }
    if (value === null) return 'null'
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    const shown = typeof value === 'string' ? value : JSON.stringify(value)
    return `'${shown.replaceAll("'", "''")}'${this.draw.chance(20) ? `::${type}` : ''}`
  }
}

function valueOf(draw: Draw, type: ColumnType, column: string): unknown {
  if (draw.chance(3)) return null
  if (column === 'ref' || column === 'invoice_ref') return draw.chance(4) ? '77' : draw.pick(invoiceRefs)[0]
  switch (type) {
    case 'int4':
      if (column === 'tenant_id' || column === 'id') return draw.pick(tenantIds)
      return draw.upTo(9)
    case 'int8':
      return 1 + draw.upTo(60)
    case 'text':
      if (column === 'entity_id') return draw.pick(entityIds)
      if (column === 'country' || column === 'code') return draw.pick(['de', 'fr', 'us', 'jp', 'br', 'xx'])
      if (column === 'name') return draw.pick(['clicks', 'delay', 'Δ', 'a', 'b', 'apple'])
      return draw.pick(words)
    case 'numeric':
      return draw.pick(['0.00', '1.00', '1.50', '10.00', '42.25', '-3.00', '99.75'])
    case 'float8':
      return draw.upTo(64) / 8
    case 'bool':
      return draw.chance(50)
    case 'timestamptz':
      return `${draw.pick(months)}-${draw.pick(['01', '10', '28'])}T00:00:00Z`
    case 'date':
      return `2025-01-${draw.pick(['01', '05', '12'])}`
    case 'uuid':
      return `00000000-0000-4000-8000-00000000000${draw.upTo(5)}`
    case 'mood':
      return draw.pick(['sad', 'ok', 'happy', 'glad'])
    case 'jsonb':
      return '{"a": 1}'
  }
}

const comparable = ['=', '=', '=', '<', '>=', '<>', '<=', '>'] as const

function columnOf(draw: Draw, source: Source): readonly [name: string, type: ColumnType] {
  // Keys come up often, or nearly everything would be a scatter.
  if (source.shape.key !== undefined && draw.chance(35)) {
    return [source.shape.key, source.shape.columns[source.shape.key] as ColumnType]
  }
  return draw.pick(Object.entries(source.shape.columns))
}

function atom(text: Text, sources: readonly Source[], depth: number): string {
  const { draw } = text
  const source = draw.pick(sources)
  const [column, type] = columnOf(draw, source)
  const name = `${source.alias}.${column}`
  const operand = (): string => text.value(type, valueOf(draw, type, column))
  if (type === 'jsonb') return `${name} is ${draw.chance(50) ? 'not ' : ''}null`
  switch (draw.upTo(depth > 0 ? 10 : 8)) {
    case 0:
    case 1:
      return `${name} = ${operand()}`
    case 2:
      return `${name} ${draw.pick(comparable)} ${operand()}`
    case 3:
      return `${name} in (${Array.from({ length: 1 + draw.upTo(2) }, operand).join(', ')})`
    case 4: {
      text.values.push(Array.from({ length: draw.upTo(3) }, () => valueOf(draw, type, column)))
      return `${name} = any($${text.values.length}${draw.chance(30) ? `::${type}[]` : ''})`
    }
    case 5:
      return `${name} is ${draw.chance(50) ? 'not ' : ''}null`
    case 6:
      return `${name} is not distinct from ${operand()}`
    case 7:
      return `${name} between ${operand()} and ${operand()}`
    case 8:
      return `(${name}, ${source.alias}.${source.shape.primaryKey[0]}) = (${operand()}, ${text.value(
        source.shape.columns[source.shape.primaryKey[0] as string] as ColumnType,
        valueOf(
          draw,
          source.shape.columns[source.shape.primaryKey[0] as string] as ColumnType,
          source.shape.primaryKey[0] as string,
        ),
      )})`
    default:
      return sublink(text, source, depth - 1)
  }
}

function sublink(text: Text, outer: Source, depth: number): string {
  const { draw } = text
  const shape = draw.pick(tables.filter((table) => table.group === outer.shape.group || draw.chance(15)))
  const inner: Source = { alias: `s${depth}${draw.upTo(99)}`, shape }
  const tie =
    outer.shape.key !== undefined &&
    inner.shape.key !== undefined &&
    outer.shape.group === inner.shape.group &&
    draw.chance(75)
      ? `${inner.alias}.${inner.shape.key} = ${outer.alias}.${outer.shape.key} and `
      : ''
  const where = `${tie}${predicate(text, [inner], depth)}`
  const not = draw.chance(30) ? 'not ' : ''
  if (
    outer.shape.key !== undefined &&
    inner.shape.key !== undefined &&
    outer.shape.group === inner.shape.group &&
    draw.chance(40)
  ) {
    return `${outer.alias}.${outer.shape.key} ${not}in (select ${inner.alias}.${inner.shape.key} from ${inner.shape.name} ${inner.alias} where ${where})`
  }
  return `${not}exists (select 1 from ${inner.shape.name} ${inner.alias} where ${where})`
}

function predicate(text: Text, sources: readonly Source[], depth: number): string {
  const { draw } = text
  if (depth <= 0 || draw.chance(45)) return atom(text, sources, depth)
  switch (draw.upTo(4)) {
    case 0:
    case 1:
      return `${predicate(text, sources, depth - 1)} and ${predicate(text, sources, depth - 1)}`
    case 2:
      return `(${predicate(text, sources, depth - 1)} or ${predicate(text, sources, depth - 1)})`
    case 3:
      return `not (${predicate(text, sources, depth - 1)})`
    default:
      return atom(text, sources, depth)
  }
}

/** FROM with joins; ties by shard key are frequent, but not certain. */
function from(text: Text): { readonly sql: string; readonly sources: readonly Source[] } {
  const { draw } = text
  const first: Source = { alias: 'a', shape: draw.pick(tables) }
  const sources = [first]
  let sql = relation(text, first)
  const joins = draw.pick([0, 0, 0, 1, 1, 2])
  for (let n = 0; n < joins; n += 1) {
    const near = tables.filter((table) => table.group === first.shape.group || table.group === 'reference')
    const shape = draw.chance(88) ? draw.pick(near) : draw.pick(tables)
    const source: Source = { alias: 'bcd'[n] as string, shape }
    const other = draw.pick(sources)
    const kind = draw.pick(['join', 'join', 'left join', 'right join', 'full join', 'cross join'])
    sql += ` ${kind} ${relation(text, source)}`
    if (kind !== 'cross join') {
      const conditions: string[] = []
      if (
        source.shape.key !== undefined &&
        other.shape.key !== undefined &&
        source.shape.group === other.shape.group &&
        draw.chance(80)
      ) {
        conditions.push(`${other.alias}.${other.shape.key} = ${source.alias}.${source.shape.key}`)
      } else if (source.shape.name === 'countries' && 'country' in other.shape.columns) {
        conditions.push(`${other.alias}.country = ${source.alias}.code`)
      } else if (source.shape.name === 'invoice_lines' && other.shape.name === 'invoices') {
        conditions.push(`${other.alias}.ref = ${source.alias}.invoice_ref`)
      } else if (source.shape.name === 'invoices' && other.shape.name === 'invoice_lines') {
        conditions.push(`${other.alias}.invoice_ref = ${source.alias}.ref`)
      } else if (source.shape.name === 'customers' && other.shape.name === 'orders') {
        conditions.push(`${other.alias}.customer_id = ${source.alias}.id`)
      }
      // FULL JOIN takes only merge- or hash-joinable conditions.
      if (kind !== 'full join' && (conditions.length === 0 || draw.chance(25)))
        conditions.push(predicate(text, [other, source], 1))
      sql += ` on ${conditions.length === 0 ? 'true' : conditions.join(' and ')}`
    }
    sources.push(source)
  }
  return { sql, sources }
}

/** A table, or now and then a subquery or CTE-like wrapping of it that keeps its columns. */
function relation(text: Text, source: Source): string {
  const { draw } = text
  const { name } = source.shape
  if (!draw.chance(12)) return `${name} ${source.alias}`
  const inner: Source = { alias: 'i', shape: source.shape }
  const tail = draw.pick([
    '',
    '',
    ` order by ${source.shape.primaryKey.join(', ')} limit ${1 + draw.upTo(5)}`,
  ])
  return `(select * from ${name} i where ${predicate(text, [inner], 1)}${tail}) ${source.alias}`
}

function totalOrder(draw: Draw, sources: readonly Source[]): string {
  const keys: string[] = []
  for (let n = draw.upTo(2); n > 0; n -= 1) {
    const source = draw.pick(sources)
    const [column, type] = draw.pick(Object.entries(source.shape.columns))
    if (type === 'jsonb') continue
    const expression =
      type === 'numeric' && draw.chance(20) ? `${source.alias}.${column} * -1` : `${source.alias}.${column}`
    keys.push(
      `${expression}${draw.pick(['', ' asc', ' desc'])}${draw.pick(['', '', ' nulls first', ' nulls last'])}`,
    )
  }
  for (const source of sources)
    for (const column of source.shape.primaryKey) keys.push(`${source.alias}.${column}`)
  return keys.join(', ')
}

function limits(text: Text): string {
  const { draw } = text
  const count = (max: number): string => {
    const n = draw.upTo(max)
    if (draw.chance(50)) return String(n)
    text.values.push(n)
    return `$${text.values.length}`
  }
  return `${draw.chance(50) ? ` limit ${count(12)}` : ''}${draw.chance(25) ? ` offset ${count(6)}` : ''}`
}

function select(draw: Draw): Generated {
  const text = new Text(draw)
  const { sql, sources } = from(text)
  const where = draw.chance(80) ? ` where ${predicate(text, sources, 2)}` : ''
  const shape = draw.upTo(9)
  if (shape <= 4) {
    const list = draw.chance(25)
      ? sources.map((source) => `${source.alias}.*`).join(', ')
      : Array.from({ length: 1 + draw.upTo(3) }, () => {
          const source = draw.pick(sources)
          return `${source.alias}.${draw.pick(Object.keys(source.shape.columns))}`
        }).join(', ')
    if (draw.chance(20)) {
      return {
        text: `select ${list} from ${sql}${where}`,
        values: text.values,
        order: 'bag',
        writes: undefined,
      }
    }
    const order = totalOrder(draw, sources)
    return {
      text: `select ${list} from ${sql}${where} order by ${order}${limits(text)}`,
      values: text.values,
      order: 'sequence',
      writes: undefined,
    }
  }
  const source = draw.pick(sources)
  const [column] = draw.pick(
    Object.entries(source.shape.columns).filter(([, columnType]) => columnType !== 'jsonb'),
  )
  const name = `${source.alias}.${column}`
  if (shape === 5) {
    const limit = draw.chance(50) ? limits(text) : ''
    const nulls = draw.pick(['', ' desc', ' desc nulls last', ' nulls first'])
    return {
      text: `select distinct ${name} from ${sql}${where} order by ${name}${nulls}${limit}`,
      values: text.values,
      order: 'sequence',
      writes: undefined,
    }
  }
  if (shape === 6) {
    const keys = sources.flatMap((each) => each.shape.primaryKey.map((key) => `${each.alias}.${key}`))
    const key = source.shape.key === undefined ? keys[0] : `${source.alias}.${source.shape.key}`
    return {
      text: `select ${keys.join(', ')}, row_number() over (partition by ${draw.chance(70) ? key : name} order by ${keys.join(', ')}) as n from ${sql}${where} order by ${keys.join(', ')}${limits(text)}`,
      values: text.values,
      order: 'sequence',
      writes: undefined,
    }
  }
  const aggregates = Array.from(
    { length: 1 + draw.upTo(2) },
    (_, index) => `${aggregate(draw, sources)} as g${index}`,
  )
  if (shape === 7) {
    return {
      text: `select ${aggregates.join(', ')} from ${sql}${where}`,
      values: text.values,
      order: 'sequence',
      writes: undefined,
    }
  }
  const group =
    draw.chance(35) && source.shape.key !== undefined ? `${source.alias}.${source.shape.key}` : name
  const having = draw.chance(30)
    ? ` having ${draw.pick(['count(*) > 1', 'count(*) >= 2 and count(*) < 9', `max(${name}) is not null`])}`
    : ''
  return {
    text: `select ${group} as k, ${aggregates.join(', ')} from ${sql}${where} group by ${draw.pick([group, '1', 'k'])}${having} order by ${draw.pick([group, 'k', '1'])}${draw.pick(['', ' desc', ' nulls first'])}${draw.chance(40) ? limits(text) : ''}`,
    values: text.values,
    order: 'sequence',
    writes: undefined,
  }
}

function aggregate(draw: Draw, sources: readonly Source[]): string {
  const source = draw.pick(sources)
  const columns = Object.entries(source.shape.columns)
  const of = (...types: ColumnType[]): string | undefined => {
    const fitting = columns.filter(([, type]) => types.includes(type))
    return fitting.length === 0 ? undefined : `${source.alias}.${draw.pick(fitting)[0]}`
  }
  const filter = draw.chance(15)
    ? ` filter (where ${source.alias}.${source.shape.primaryKey[0]} is not null)`
    : ''
  const number = of('int4', 'int8', 'numeric', 'float8')
  const ordered = of('int4', 'int8', 'numeric', 'text', 'timestamptz', 'date', 'mood', 'uuid', 'float8')
  const flag = of('bool')
  switch (draw.upTo(8)) {
    case 0:
      return `count(*)${filter}`
    case 1:
      return `count(${source.alias}.${draw.pick(columns)[0]})${filter}`
    case 2:
    case 3:
      return number === undefined ? 'count(*)' : `sum(${number})${filter}`
    case 4:
      return number === undefined ? 'count(*)' : `avg(${number})${filter}`
    case 5:
      return ordered === undefined ? 'count(*)' : `min(${ordered})${filter}`
    case 6:
      return ordered === undefined ? 'count(*)' : `max(${ordered})${filter}`
    case 7:
      return flag === undefined ? 'count(*)' : `${draw.pick(['bool_and', 'bool_or', 'every'])}(${flag})`
    default:
      return ordered === undefined ? 'count(*)' : `count(distinct ${ordered})`
  }
}

function setOperation(draw: Draw): Generated {
  const text = new Text(draw)
  const group = draw.pick(['tenant', 'feature', 'reading', 'reference'] as const)
  const shapes = tables.filter((table) => table.group === group)
  const branch = (): string => {
    const shape = draw.pick(shapes)
    const source: Source = { alias: 'a', shape }
    const key = shape.key ?? shape.primaryKey[0]
    return `select a.${key} as x from ${shape.name} a where ${predicate(text, [source], 1)}`
  }
  const operator = draw.pick(['union all', 'union', 'intersect', 'except', 'union all'])
  return {
    text: `${branch()} ${operator} ${branch()} order by x${limits(text)}`,
    values: text.values,
    order: 'sequence',
    writes: undefined,
  }
}

function cte(draw: Draw): Generated {
  const text = new Text(draw)
  const shape = draw.pick(tables)
  const inner: Source = { alias: 'a', shape }
  const outer: Source = { alias: 'q', shape }
  const body = `select a.* from ${shape.name} a where ${predicate(text, [inner], 1)}`
  const order = totalOrder(draw, [outer])
  const twice =
    draw.chance(25) && shape.key !== undefined
      ? ` join q r on r.${shape.key} = q.${shape.key} and ${shape.primaryKey.map((key) => `r.${key} = q.${key}`).join(' and ')}`
      : ''
  return {
    text: `with q as (${body}) select q.${Object.keys(shape.columns).join(', q.')} from q${twice} where ${predicate(text, [outer], 1)} order by ${order}${limits(text)}`,
    values: text.values,
    order: 'sequence',
    writes: undefined,
  }
}

function view(draw: Draw): Generated {
  const text = new Text(draw)
  const tenant = draw.chance(60) ? ` where tenant_id = ${text.value('int4', draw.pick(tenantIds))}` : ''
  return draw.chance(50)
    ? {
        text: `select * from paid_orders${tenant} order by tenant_id, id${limits(text)}`,
        values: text.values,
        order: 'sequence',
        writes: undefined,
      }
    : {
        text: `select * from tenant_totals${tenant} order by tenant_id`,
        values: text.values,
        order: 'sequence',
        writes: undefined,
      }
}

function insert(draw: Draw): Generated {
  const text = new Text(draw)
  // Ids that carry a bucket are none that chance makes.
  const shape = draw.pick(
    tables.filter((table) => table.name !== 'tenants' && !table.name.startsWith('invoice')),
  )
  const columns = Object.keys(shape.columns).filter(
    (column) =>
      shape.primaryKey.includes(column) || column === shape.key || column === 'name' || draw.chance(60),
  )
  if (draw.chance(50)) columns.reverse()
  const rows = Array.from({ length: draw.pick([1, 1, 2, 4]) }, () => {
    // A customer's id is unique without its key, which shards cannot enforce among each other: it holds the tenant.
    const owner = draw.pick(tenantIds)
    return `(${columns
      .map((column) => {
        const type = shape.columns[column] as ColumnType
        if (column === 'customer_id') return 'null'
        if (shape.name === 'customers' && column === 'tenant_id') return text.value('int4', owner)
        if (shape.name === 'customers' && column === 'id')
          return text.value('int8', owner * 2 ** 32 + draw.upTo(2 ** 31))
        // Fresh ids most of the time, so that both inserts that succeed and unique violations are frequent.
        if (column === 'id')
          return text.value(type, draw.chance(80) ? 1000 + draw.upTo(100_000) : 1 + draw.upTo(60))
        return text.value(type, valueOf(draw, type, column))
      })
      .join(', ')})`
  })
  const conflict = draw.pick([
    '',
    '',
    '',
    ` on conflict do nothing`,
    ` on conflict (${shape.primaryKey.join(', ')}) do update set ${conflictColumn(shape)} = excluded.${conflictColumn(shape)}`,
  ])
  const returning = draw.pick(['', ` returning ${columns.join(', ')}`, ' returning *'])
  return {
    text: `insert into ${shape.name} (${columns.join(', ')}) values ${rows.join(', ')}${conflict}${returning}`,
    values: text.values,
    order: conflict === '' ? 'sequence' : 'bag',
    writes: shape.name,
  }
}

function conflictColumn(shape: TableShape): string {
  return Object.keys(shape.columns).find(
    (column) => !shape.primaryKey.includes(column) && column !== shape.key,
  ) as string
}

function updateOrDelete(draw: Draw): Generated {
  const text = new Text(draw)
  const shape = draw.pick(tables.filter((table) => table.name !== 'tenants' && table.name !== 'customers'))
  const source: Source = { alias: 'a', shape }
  const ref = Object.keys(shape.columns).find((column) => column.endsWith('ref'))
  const keyed =
    shape.key === undefined || draw.chance(15)
      ? ''
      : ref !== undefined && draw.chance(60)
        ? `a.${ref} ${draw.chance(70) ? `= ${text.value('int8', valueOf(draw, 'int8', ref))}` : `in (${text.value('int8', valueOf(draw, 'int8', ref))}, ${text.value('int8', valueOf(draw, 'int8', ref))})`} and `
        : `a.${shape.key} ${draw.chance(70) ? `= ${text.value(shape.columns[shape.key] as ColumnType, valueOf(draw, shape.columns[shape.key] as ColumnType, shape.key))}` : `in (${text.value(shape.columns[shape.key] as ColumnType, valueOf(draw, shape.columns[shape.key] as ColumnType, shape.key))}, ${text.value(shape.columns[shape.key] as ColumnType, valueOf(draw, shape.columns[shape.key] as ColumnType, shape.key))})`} and `
  const returning = draw.pick(['', ` returning ${shape.primaryKey.map((key) => `a.${key}`).join(', ')}`])
  if (draw.chance(30)) {
    return {
      text: `delete from ${shape.name} a where ${keyed}${predicate(text, [source], 1)} and ${predicate(text, [source], 1)}${returning}`,
      values: text.values,
      order: 'bag',
      writes: shape.name,
    }
  }
  const column = draw.pick(
    Object.keys(shape.columns).filter(
      (name) => !shape.primaryKey.includes(name) && name !== shape.key && shape.columns[name] !== 'jsonb',
    ),
  )
  const type = shape.columns[column] as ColumnType
  const set =
    type === 'numeric' && draw.chance(40)
      ? `${column} = a.${column} + 1`
      : `${column} = ${column === 'customer_id' ? 'null' : text.value(type, valueOf(draw, type, column))}`
  return {
    text: `update ${shape.name} a set ${set} where ${keyed}${predicate(text, [source], 1)}${returning}`,
    values: text.values,
    order: 'bag',
    writes: shape.name,
  }
}

const holes: Readonly<Record<string, readonly [type: ColumnType, column: string]>> = {
  tenant: ['int4', 'tenant_id'],
  small: ['int4', 'level'],
  entity: ['text', 'entity_id'],
  name: ['text', 'name'],
  word: ['text', 'note'],
  code: ['text', 'code'],
  month: ['timestamptz', 'recorded_at'],
  date: ['date', 'joined'],
  uuid: ['uuid', 'tag'],
}

/** Lists in the text by the parameters of an item, of which the first is drawn from that family. */
const lists = { keys: ['keys', 1], pairs: ['keys', 2], refs: ['refs', 1] } as const

/** An element of a long list. */
function listed(draw: Draw, family: string): unknown {
  switch (family) {
    case 'keys':
      return valueOf(draw, 'int4', 'tenant_id')
    case 'refs':
      return valueOf(draw, 'int8', 'ref')
    case 'entities':
      return valueOf(draw, 'text', 'entity_id')
    case 'words':
      return valueOf(draw, 'text', 'name')
    case 'floats':
      return valueOf(draw, 'float8', 'value')
    default:
      return 1 + draw.upTo(160)
  }
}

/** A statement of `templates.ts` with its choices made and its holes filled. */
function template(draw: Draw): Generated {
  const total = templates.reduce((sum, [weight]) => sum + weight, 0)
  let at = draw.upTo(total - 1)
  const family = templates.find(([weight]) => (at -= weight) < 0)?.[1] ?? []
  const { sql, order, writes } = draw.pick(family)
  const text = new Text(draw)
  let same: number | undefined
  const parameter = (value: unknown): string => `$${text.values.push(value)}`
  const filled = choose(draw, sql).replaceAll(
    /\{(?:where (\w+):(\w+)|(\w+))\}|\$(tenant|same|ints|keys|refs|entities|words|floats)\b/g,
    (
      hole,
      alias: string | undefined,
      table: string | undefined,
      name: string | undefined,
      named: string | undefined,
    ) => {
      if (alias !== undefined) {
        const shape = tables.find((candidate) => candidate.name === table)
        if (shape === undefined) throw new Error(`no table ${table}`)
        return predicate(text, [{ alias, shape }], 1)
      }
      if (name === 'limits') return limits(text)
      if (name === 'setting') return text.value('text', draw.pick(['a', 'b', 'c', 'd']))
      if (name !== undefined && Object.hasOwn(lists, name)) {
        const [list, width] = lists[name as keyof typeof lists]
        const items = Array.from({ length: width === 1 ? 1 + draw.upTo(30) : 20 }, () =>
          Array.from({ length: width }, (_, at) => parameter(listed(draw, at === 0 ? list : 'numbers'))).join(
            ', ',
          ),
        )
        return items.map((item) => (width === 1 ? item : `(${item})`)).join(', ')
      }
      if (name !== undefined) {
        const [type, column] = holes[name] ?? []
        if (type === undefined || column === undefined) throw new Error(`no hole ${hole}`)
        return text.value(type, valueOf(draw, type, column))
      }
      if (named === 'ints')
        return parameter(Array.from({ length: draw.upTo(3) }, () => valueOf(draw, 'int4', 'tenant_id')))
      if (named !== undefined && named !== 'tenant' && named !== 'same') {
        const count = named === 'keys' || named === 'refs' ? draw.upTo(45) : draw.upTo(9)
        return parameter(Array.from({ length: count }, () => listed(draw, named)))
      }
      if (named === 'tenant' || same === undefined) {
        parameter(valueOf(draw, 'int4', 'tenant_id'))
        same = text.values.length
      }
      return `$${same}`
    },
  )
  return { text: filled, values: text.values, order, writes }
}

/** Statements that PostgreSQL itself refuses: the error has to be PostgreSQL's own. */
function broken(draw: Draw): Generated {
  const statement = draw.pick([
    { text: 'select 1 / 0', values: [] },
    { text: 'select a.nothing from orders a where a.tenant_id = $1', values: [3] },
    { text: 'select total::int / 0 from orders where tenant_id = $1 and total is not null', values: [3] },
    { text: 'select * from orders where tenant_id = $1 and note = 5', values: [3] },
    { text: 'insert into orders (tenant_id, id, total) values ($1, $2, $3)', values: [4, 5000, 'many'] },
    { text: 'insert into orders (tenant_id, id, customer_id) values ($1, $2, 999999)', values: [4, 5001] },
    { text: 'insert into countries (code) values ($1)', values: ['zz'] },
    { text: 'select * from orders where tenant_id = $1 order by nothing', values: [3] },
    { text: 'select count(*) from orders group by', values: [] },
    { text: 'update settings set level = $1 where name = $2', values: ['high', 'a'] },
  ])
  return { ...statement, order: 'bag', writes: undefined }
}

export function generate(draw: Draw): Generated {
  const family = draw.upTo(139)
  if (family >= 100) return template(draw)
  if (family < 52) return select(draw)
  if (family < 60) return setOperation(draw)
  if (family < 67) return cte(draw)
  if (family < 70) return view(draw)
  if (family < 84) return insert(draw)
  if (family < 97) return updateOrDelete(draw)
  return broken(draw)
}
