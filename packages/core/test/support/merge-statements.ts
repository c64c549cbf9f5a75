import fc from 'fast-check'
import { columns } from './merge-catalog.ts'

/** A statement over `t`, with what only its maker knows. */
export interface MergeStatement {
  readonly text: string
  readonly values: readonly unknown[]
  readonly isGroupedByKey: boolean
  readonly isDistinctByKey: boolean
  /** True when the ORDER BY leaves no two rows in question, so that the order can be compared exactly. */
  readonly isTotallyOrdered: boolean
  /** True when SQL leaves open which rows come, unless they are totally ordered. */
  readonly isArbitrary: boolean
}

const names = columns.map((column) => column.name)
const plainNames = names.filter((name) => name !== 'id')
const summable = columns.filter((column) => column.isSummable === true).map((column) => column.name)
const cheap = ['k', 'i2', 'i4', 'num', 'b', 'txt', 'vc', 'd', 'e', 'f8', 'iv', 'tz']

const name = fc.constantFrom(...plainNames)
const cheapName = fc.constantFrom(...cheap)
const direction = fc.constantFrom(
  '',
  '',
  ' desc',
  ' asc',
  ' desc nulls last',
  ' nulls first',
  ' DESC NULLS FIRST',
)
/** Noise that must not confuse the cutting: comments, quotes, names beyond ASCII. */
const noise = fc.constantFrom('', '', ' /* from limit ; é */', ' -- order by\n', " /* 'x /* nested */ */ ")

interface Item {
  readonly text: string
  /** How ORDER BY can name it. */
  readonly alias: string | undefined
  readonly source: string
}

const spelled = fc.constantFrom(
  (text: string) => text,
  (text: string) => `t.${text}`,
  (text: string) => `"${text}"`,
  (text: string) => `t . ${text}`,
)

const expression = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(name, spelled).map(([column, spell]) => ({ source: column, text: spell(column) })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { source: 'txt', text: "lower(txt) || 'é, from x'" },
      { source: 'i4', text: 'i4::int8 + 1' },
      { source: 'num', text: 'coalesce(num, 0)' },
      { source: 'txt', text: "case when b then txt else 'limit' end" },
      { source: 'i2', text: 'i2 is distinct from i4' },
      { source: 'j', text: 'jsonb_build_array(swe, num)' },
      { source: 'swe', text: 'upper(swe)' },
      { source: 'txt', text: 'swe collate "C"' },
      { source: 'd', text: 'extract(year from ts)' },
    ),
  },
)

const item: fc.Arbitrary<Item> = fc
  .tuple(expression, fc.constantFrom(undefined, undefined, 'x1', '"Größe, from"', 'i4', 'num'), fc.boolean())
  .map(([{ text, source }, alias, withAs]) => ({
    text: alias === undefined ? text : `${text} ${withAs || !alias.startsWith('"') ? 'as ' : ''}${alias}`,
    alias,
    source,
  }))

const condition = fc.constantFrom(
  '',
  '',
  ' where b',
  ' where i4 > $n',
  ' where k < 20 and num is not null',
  ' where false',
  ' where txt is distinct from swe collate "C"',
  ' where k = 3',
)

interface Limit {
  readonly text: string
  readonly values: readonly unknown[]
}

const count = fc.integer({ min: 0, max: 40 })
const limit: fc.Arbitrary<Limit> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ text: '', values: [] }) },
  fc.tuple(count, count).map(([a, b]) => ({ text: ` limit ${a} offset ${b}`, values: [] })),
  count.map((a) => ({ text: ` limit ${a}`, values: [] })),
  count.map((a) => ({ text: ` offset ${a} rows`, values: [] })),
  fc.tuple(count, count).map(([a, b]) => ({ text: ' limit $n offset $n', values: [a, String(b)] })),
  fc.tuple(count, count).map(([a, b]) => ({ text: ` limit ${a} offset $n`, values: [b] })),
  fc.tuple(count, count).map(([a, b]) => ({ text: ` offset ${b} limit $n::int`, values: [a] })),
  count.map((a) => ({ text: ` fetch first ${a} rows only`, values: [] })),
  count.map((b) => ({ text: ` offset ${b} fetch next row only`, values: [] })),
  fc.constant({ text: ' limit all offset 3', values: [] }),
  fc
    .constantFrom(null, 5, '7', -1, 'x', 1.5, '99999999999999999999')
    .map((a) => ({ text: ' limit $n', values: [a] })),
  fc.constantFrom(null, -1, 'x', 4).map((b) => ({ text: ' limit 4 offset $n', values: [b] })),
  fc.constantFrom(-1, 2).map((b) => ({ text: ` limit ${b} offset 2`, values: [] })),
)

/** Replaces each `$n` by the next number. */
function number(text: string): string {
  let next = 0
  return text.replaceAll('$n', () => `$${++next}`)
}

function valuesOf(where: string, { values }: Limit): unknown[] {
  return [...(where.includes('$n') ? [0] : []), ...values]
}

/** SELECT without aggregates. */
export const rowStatement: fc.Arbitrary<MergeStatement> = fc
  .record({
    distinct: fc.constantFrom('', '', '', 'distinct ', 'on'),
    items: fc.array(item, { minLength: 1, maxLength: 4 }),
    star: fc.constantFrom('', '', '', '*', 't.*'),
    where: condition,
    orderKinds: fc.array(
      fc.tuple(
        fc.nat(3),
        fc.constantFrom('alias', 'ordinal', 'source', 'other', 'text'),
        direction,
        expression,
      ),
      { maxLength: 3 },
    ),
    tail: fc.constantFrom('id', 'id', 'id', ''),
    limit,
    ties: fc.boolean(),
    noise,
    wrap: fc.constantFrom('', '', '', 'parentheses', 'with'),
  })
  .map(({ distinct, items, star, where, orderKinds, tail, limit, ties, noise, wrap }) => {
    const isDistinct = distinct === 'distinct '
    const list = [...(star === '' ? [] : [star]), ...items.map(({ text }) => text)]
    const order = orderKinds.map(([at, kind, way, other]) => {
      const chosen = items[at % items.length]
      if (chosen === undefined) return `id${way}`
      const bare = chosen.alias === undefined ? chosen.text : chosen.text.replace(/ (as )?("[^"]*"|\w+)$/, '')
      if (kind === 'alias' && chosen.alias !== undefined) return chosen.alias + way
      if (kind === 'ordinal' && star === '') return `${(at % items.length) + 1}${way}`
      if (isDistinct || kind === 'text') return bare + way
      return (kind === 'source' ? chosen.source : other.text) + way
    })
    if (tail !== '' && !isDistinct) order.push(tail)
    // DISTINCT ON expressions must lead the ORDER BY.
    const on = distinct === 'on' ? (order[0]?.replace(/ (desc|asc|nulls|DESC).*$/, '') ?? 'k') : ''
    const head = distinct === 'on' ? `distinct on (${on}) ` : distinct
    const orderText = order.length === 0 ? '' : `${noise} order by ${order.join(', ')}`
    const isTied = ties && order.length > 0 && limit.text.includes('first')
    const tailText = isTied ? limit.text.replace('only', 'with ties') : limit.text
    let text = `select ${head}${list.join(', ')}${noise} from t${where}`
    text = wrap === 'parentheses' ? `(${text})${orderText}${tailText}` : text + orderText + tailText
    if (wrap === 'with') text = `with "från" as (select 1 as one order by 1 limit 1) ${text}`
    return {
      text: number(text),
      values: valuesOf(where, limit),
      isGroupedByKey: false,
      isDistinctByKey: isDistinct && (star !== '' || items.some(({ text }) => /^(t ?\. ?)?"?k\b/.test(text))),
      isTotallyOrdered:
        order.at(-1) === 'id' && !items.some(({ alias, text }) => alias === 'id' || text === 'id'),
      isArbitrary: limit.text !== '' || distinct === 'on',
    }
  })

const aggregate = fc.oneof(
  fc.constantFrom(
    'count(*)',
    'count(k)',
    'count(distinct k)',
    'count(*)::int',
    'COUNT ( txt )',
    'count(i4) filter (where b)',
    'max(id)',
    'pg_catalog.count(*)',
  ),
  fc.constantFrom(...summable).map((column) => `sum(${column})`),
  fc.constantFrom('i2', 'i4', 'i8', 'num', 'odd', 'f8').map((column) => `avg(${column})`),
  fc.constantFrom(
    'avg(num) filter (where i4 > 0)',
    'avg(distinct i4)',
    'pg_catalog.avg(i4)',
    'avg(i4::int8 + 1)',
    'coalesce(max(i2), -1)',
    "coalesce(min(txt), 'none')",
    'coalesce(avg(i4), 0)',
    'coalesce(sum(num), 0)::float8',
    'cast(coalesce(sum(i2), 0) as int)',
    'sum(num)::int8',
    'avg(i4)::float8',
    'avg(i2)::int',
    'max(i4)::text',
    'sum(i4)::numeric',
    'coalesce(max(i4), 0.5)',
    'coalesce(sum(f8), 0)',
    'coalesce(sum(i4), 0)',
    'sum(num) + 1',
    "string_agg(txt, ',' order by id)",
    'bool_and(b)',
    'bool_or(b)',
    'every(b)',
  ),
  fc
    .tuple(
      fc.constantFrom('min', 'max'),
      fc.constantFrom(...plainNames.filter((column) => !['b', 'u', 'j', 'by'].includes(column))),
    )
    .map(([fn, column]) => `${fn}(${column})`),
)

const having = fc.constantFrom(
  '',
  '',
  '',
  ' having count(*) > $n',
  ' having count(*) between 2 and 9',
  ' having sum(i4) > 5 or not (avg(num) <= 0.5)',
  ' having max(num) is not null and count(k) <> 3',
  ' having 2 < count(*) and k > 3',
  ' having min(i2) >= $n',
)

/** SELECT with aggregates, with and without GROUP BY, by the key and by other columns. */
export const groupStatement: fc.Arbitrary<MergeStatement> = fc
  .record({
    keys: fc.uniqueArray(fc.oneof({ weight: 5, arbitrary: cheapName }, { weight: 1, arbitrary: name }), {
      maxLength: 3,
    }),
    shown: fc.nat(3),
    aggregates: fc.array(aggregate, { maxLength: 3 }),
    where: condition,
    having,
    order: fc.constantFrom('none', 'keys', 'keys', 'aggregate', 'first'),
    way: direction,
    limit,
    asOrdinals: fc.boolean(),
    noise,
  })
  .map(({ keys, shown, aggregates, where, having, order, way, limit, asOrdinals, noise }) => {
    const shownKeys = keys.slice(0, shown)
    const list = [...shownKeys, ...aggregates.map((text, index) => `${text} as a${index}`)]
    if (list.length === 0) list.push('count(*) as a0')
    const by = keys.map((key, index) => (asOrdinals && index < shownKeys.length ? String(index + 1) : key))
    const grouped = by.length === 0 ? '' : ` group by ${by.join(', ')}`
    const orderItems: string[] = []
    if (order === 'aggregate') orderItems.push(`count(*)${way}`)
    if (order === 'first') orderItems.push(`1${way}`)
    if (order !== 'none') orderItems.push(...keys)
    const orderText = orderItems.length === 0 ? '' : ` order by ${orderItems.join(', ')}`
    const usable = by.length === 0 && /\bk >/.test(having) ? '' : having
    const values: unknown[] = where.includes('$n') ? [0] : []
    if (usable.includes('$n')) values.push(1)
    values.push(...limit.values)
    return {
      text: number(
        `select ${list.join(', ')}${noise} from t${where}${grouped}${noise}${usable}${orderText}${limit.text}`,
      ),
      values,
      isGroupedByKey: keys.includes('k'),
      isDistinctByKey: false,
      isTotallyOrdered: order !== 'none' || keys.length === 0,
      isArbitrary: limit.text !== '',
    }
  })

const branch = fc.record({
  column: fc.constantFrom('i4', 'i2', 'k', 'id::int'),
  where: fc.constantFrom('', ' where b', ' where k < 9'),
})

/** UNION and UNION ALL of columns of one type. */
export const unionStatement: fc.Arbitrary<MergeStatement> = fc
  .record({
    branches: fc.array(branch, { minLength: 2, maxLength: 3 }),
    all: fc.boolean(),
    order: fc.constantFrom('', ' order by v', ' order by 1 desc', ' order by v desc nulls last'),
    limit,
  })
  .map(({ branches, all, order, limit }) => ({
    text: number(
      branches
        .map(({ column, where }, index) => `select ${column}${index === 0 ? ' as v' : ''} from t${where}`)
        .join(all ? ' union all ' : ' union ') +
        order +
        limit.text,
    ),
    values: limit.values,
    isGroupedByKey: false,
    isDistinctByKey: false,
    isTotallyOrdered: order !== '',
    isArbitrary: limit.text !== '',
  }))
