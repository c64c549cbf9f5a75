import { worldForeignKeys, worldTables } from './placement-world.ts'

export interface RandomStatement {
  readonly text: string
  readonly values: readonly unknown[]
  readonly isWrite: boolean
}

/** Choices read off a tape, so that a shorter tape of smaller numbers is a simpler statement. */
export function randomStatement(tape: readonly number[], mode: Mode): RandomStatement {
  return new Generator(tape, mode).statement()
}

/**
 * `tied`: mostly of one group and joined by keys, so that many statements can run shard by shard; `ids`: conditions on
 * ids as often as on keys.
 */
export type Mode = 'any' | 'tied' | 'ids' | 'tied-ids'

interface Item {
  readonly alias: string
  /** The table, for foreign keys. */
  readonly table: string | undefined
  readonly columns: readonly string[]
}

interface Surroundings {
  /** Columns of queries around this one. */
  readonly outer: readonly Item[]
  readonly ctes: readonly Item[]
}

class Generator {
  readonly #tape: readonly number[]
  readonly #values: unknown[] = []
  #at = 0
  #aliases = 0
  readonly #isTied: boolean
  readonly #hasIds: boolean

  constructor(tape: readonly number[], mode: Mode) {
    this.#tape = tape
    this.#isTied = mode === 'tied' || mode === 'tied-ids'
    this.#hasIds = mode === 'ids' || mode === 'tied-ids'
  }

  /** 0 when the tape is at its end: every list of choices starts with the simplest. */
  #below(limit: number): number {
    const next = this.#tape[this.#at] ?? 0
    this.#at += 1
    return next % limit
  }

  #chance(percent: number): boolean {
    return this.#below(100) >= 100 - percent
  }

  #pick<T>(list: readonly T[]): T {
    const chosen = list[this.#below(list.length)]
    if (chosen === undefined) throw new Error('nothing to choose from')
    return chosen
  }

  #alias(): string {
    this.#aliases += 1
    return `t${this.#aliases}`
  }

  statement(): RandomStatement {
    const kind = this.#below(10)
    const none: Surroundings = { outer: [], ctes: [] }
    const text =
      kind < 7 && this.#chance(25)
        ? this.#isTied && this.#chance(60)
          ? this.#asked(none)
          : this.#focused()
        : kind < 7
          ? this.#query(2, none, { width: 1 + this.#below(3), isTop: true })
          : kind === 7
            ? this.#update(none)
            : kind === 8
              ? this.#delete(none)
              : this.#insert(none)
    return { ...this.#usedValues(text), isWrite: kind >= 7 }
  }

  /** A choice that was not taken may have made a parameter; PostgreSQL wants none that is not used. */
  #usedValues(text: string): { text: string; values: readonly unknown[] } {
    const numbers: string[] = []
    const renumbered = text.replaceAll(/\$(\d+)/g, (_, number: string) => {
      if (!numbers.includes(number)) numbers.push(number)
      return `$${numbers.indexOf(number) + 1}`
    })
    return { text: renumbered, values: numbers.map((number) => this.#values[Number(number) - 1]) }
  }

  /** How many rows a page has, what they sum to, or whether there are any. */
  #asked(around: Surroundings): string {
    const query = (): string => this.#query(1, around, { width: 2 })
    const limit = this.#pick(['', ` limit ${this.#below(9)}`, ` limit ${this.#parameter(this.#below(9))}`])
    const offset = this.#pick([` offset ${this.#below(5)}`, ` offset ${this.#parameter(this.#below(5))}`, ''])
    const outputs = this.#pick([
      'count(*)',
      'count(*), count(s.p)',
      'sum(s.q)',
      'count(*), max(s.p)',
      'count(1)::int',
    ])
    const from = this.#from(0, around)
    const where = this.#where(0, from.items, around)
    const columns = `${this.#column(from.items, 90)}, ${this.#column(from.items, 30)}`
    return this.#pick([
      `select ${outputs} from (select ${columns} from ${from.text}${where}${limit}${offset}) s (p, q)`,
      `select ${outputs} from (select distinct ${columns} from ${from.text}${where}${limit}${offset}) s (p, q)`,
      `select exists (${query()}), not exists (${query()}), 1`,
      `select 1 from (select 1) d where exists (${query()})${this.#pick(['', ' limit 1'])}`,
      `select count(distinct ${this.#column(from.items, 90)}) from ${from.text}${where}`,
    ])
  }

  /** A condition on a key over one construct that it must not pass, or may. */
  #focused(): string {
    const pick = (names: readonly string[]): string => this.#pick(names)
    const t = pick(['a', 'b', 'c'])
    const other = pick(['a', 'b', 'c', 'acc'])
    const key = `${1 + this.#below(6)}`
    const column = (): string => pick(['k', 'id', 'x'])
    const left = `${t} l left join ${other} r on ${pick(['l.x = r.x', 'l.id = r.id', 'l.k = r.k', 'l.k = r.id'])}`
    const body = this.#pick([
      `select k, id, x from ${t} order by ${column()}, 1, 2, 3 limit ${1 + this.#below(4)}`,
      `select distinct on (${column()}) k, id, x from ${t} order by 1, 2, 3`.replace(
        /on \((\w+)\)(.*) order by/,
        'on ($1)$2 order by $1,',
      ),
      `select k, count(*), max(x) from ${t} group by k${pick(['', ', x'])}`,
      `select max(k), id, x from ${t} group by id, x`,
      `select k, id, ${pick(['max(x)', 'count(*)', 'sum(id)'])} over (${pick(['', 'partition by k', 'partition by x', 'partition by x, k'])}) from ${t}`,
      `select k, id, x from ${t} ${pick(['union', 'union all', 'intersect', 'except', 'except all'])} select k, id, x from ${other}`,
      `select ${pick(['l', 'r'])}.k, r.id, l.x from ${left}`,
      `select ${pick(['l', 'r'])}.k, count(*), count(r.x) from ${left} group by 1${pick(['', ', l.x'])}`,
      `select k, id, x from ${t} where k in (${key}, ${1 + this.#below(6)})`,
      `select k, count(*), 1 from ${t} group by rollup (k)`,
      `with recursive w (k, id, n) as (select k, id, 0 from ${t} where k = ${key} union select ${pick(['o.k, o.id', 'w.k, o.id'])}, n + 1 from w join ${t} o on ${pick(['o.k = w.k', 'o.id = w.id + 1', 'o.k = w.id'])} where n < 2) select k, id, n from w`,
    ])
    const on = this.#pick([`z.k = s.k`, 'z.x = s.x', 'z.id = s.id', 'z.k is not distinct from s.k', 'true'])
    const test = this.#pick([
      `s.k = ${key}`,
      `s.k = ${this.#value()}`,
      `z.k = ${key}`,
      `s.k is not distinct from ${this.#pick([key, 'null', this.#parameter(null), 'z.k'])} and z.k = ${key}`,
      `(s.k = ${key} or (z.k = ${key} and z.k = s.k))`,
      `(s.k = z.k or s.x = 1) and z.k = ${key}`,
      `z.k = ${key} and z.k ${pick(['in', 'not in'])} (select k from ${t})`,
      `z.k = ${key} and ${pick(['', 'not '])}exists (select ${pick(['1', 'count(*)'])} from ${t} e where e.k = ${pick(['z.k', 's.k', key])})`,
      `s.k = ${key} and z.k is ${pick(['', 'not '])}null`,
    ])
    const output = this.#pick([
      's.*, z.k',
      'count(*)',
      `s.k ${pick(['in', 'not in'])} (select k from ${other}), z.id`,
    ])
    const join = pick(['join', 'left join', 'right join'])
    return `select ${output} from (${body}) s (k, id, x) ${join} ${other} z on ${on} where ${test}`
  }

  #query(depth: number, around: Surroundings, shape: { width: number; isTop?: boolean }): string {
    let ctes = around.ctes
    let prefix = ''
    if (depth > 0 && this.#chance(shape.isTop === true ? 25 : 8)) {
      const definitions: string[] = []
      let isRecursive = false
      for (let count = 1 + this.#below(2); count > 0; count -= 1) {
        const name = this.#alias()
        const columns = ['k', 'id', 'x']
        if (this.#chance(15)) {
          isRecursive = true
          definitions.push(this.#recursive(name, { outer: around.outer, ctes }))
        } else {
          const body = this.#query(depth - 1, { outer: around.outer, ctes }, { width: 3 })
          const materialized = this.#pick(['', '', 'materialized ', 'not materialized '])
          definitions.push(`${name} (k, id, x) as ${materialized}(${body})`)
        }
        ctes = [...ctes, { alias: name, table: undefined, columns }]
      }
      prefix = `with ${isRecursive ? 'recursive ' : ''}${definitions.join(', ')} `
    }
    const inner = { outer: around.outer, ctes }
    if (depth > 0 && this.#chance(15)) {
      const operation = this.#pick(['union all', 'union', 'intersect', 'except', 'except all'])
      const left = this.#select(depth - 1, inner, shape.width)
      const right = this.#select(depth - 1, inner, shape.width)
      return `${prefix}(${left}) ${operation} (${right})${this.#limit(shape.width, 15)}`
    }
    return prefix + this.#select(depth, inner, shape.width)
  }

  #recursive(name: string, around: Surroundings): string {
    const first = this.#from(0, around)
    const columns = (items: readonly Item[]): string =>
      ['k', 'id', 'x'].map((column) => this.#named(items, column)).join(', ')
    const start = `select ${columns(first.items)}, 0 from ${first.text}${this.#where(0, first.items, around)}`
    const table = this.#pick(worldTables.filter(({ columns: names }) => names.includes('k')))
    const next: Item = { alias: this.#alias(), table: table.name, columns: table.columns }
    const on = this.#pick([
      `${next.alias}.k = ${name}.k`,
      `${next.alias}.id = ${name}.id`,
      `${next.alias}.k = ${name}.k and ${next.alias}.x = ${name}.x`,
    ])
    const join = this.#pick(['join', 'left join'])
    const from =
      join === 'join'
        ? `${table.name} ${next.alias} join ${name} on ${on}`
        : `${name} left join ${table.name} ${next.alias} on ${on}`
    const key = this.#pick([`${next.alias}.k`, `${name}.k`])
    return `${name} (k, id, x, n) as (${start} union ${this.#pick(['all ', ''])}select ${key}, ${next.alias}.id, ${next.alias}.x, ${name}.n + 1 from ${from} where ${name}.n < 2)`
  }

  #named(items: readonly Item[], column: string): string {
    const having = items.filter((item) => item.columns.includes(column))
    return having.length === 0 ? 'null::int' : `${this.#pick(having).alias}.${column}`
  }

  #select(depth: number, around: Surroundings, width: number): string {
    const from = this.#from(depth, around)
    const where = this.#where(depth, from.items, around)
    const style = this.#below(14)
    if (style === 10 || style === 11) return this.#grouped(from, where, width)
    if (style === 12) {
      const outputs = this.#outputs(depth, from.items, around, width)
      const key = this.#column(from.items, 50)
      const on = this.#chance(60)
      return on
        ? `select distinct on (${key}) ${outputs.join(', ')} from ${from.text}${where} order by ${[key, ...outputs].join(', ')}`
        : `select distinct ${outputs.join(', ')} from ${from.text}${where}${this.#limit(width, 20)}`
    }
    if (style === 13) {
      const partition = this.#column(from.items, 50)
      const call = this.#pick([
        `count(*) over (partition by ${partition})`,
        `sum(${this.#column(from.items, 20)}) over (partition by ${partition})`,
        'count(*) over ()',
        `max(${this.#column(from.items, 20)}) over ()`,
        `rank() over (partition by ${partition} order by ${this.#column(from.items, 20)})`,
      ])
      const outputs = [...this.#outputs(depth, from.items, around, Math.max(1, width - 1)), call].slice(
        -width,
      )
      return `select ${outputs.join(', ')} from ${from.text}${where}`
    }
    const outputs = this.#outputs(depth, from.items, around, width)
    return `select ${outputs.join(', ')} from ${from.text}${where}${this.#limit(width, 20)}`
  }

  #grouped(from: { text: string; items: readonly Item[] }, where: string, width: number): string {
    const groups: string[] = []
    const outputs: string[] = []
    for (let index = 0; index < width; index += 1) {
      if (this.#chance(index === 0 ? 80 : 40)) {
        const column = this.#column(from.items, index === 0 ? 90 : 40)
        groups.push(column)
        outputs.push(column)
      } else {
        const argument = this.#column(from.items, 30)
        outputs.push(
          this.#pick([
            'count(*)',
            `count(${argument})`,
            `sum(${argument})`,
            `min(${argument})`,
            `max(${argument})`,
          ]),
        )
      }
    }
    if (this.#chance(20)) groups.push(this.#column(from.items, 75))
    const by =
      groups.length === 0
        ? ''
        : ` group by ${this.#chance(6) ? `rollup (${groups.join(', ')})` : groups.join(', ')}`
    const having = this.#chance(15) ? ` having count(*) > ${this.#below(2)}` : ''
    return `select ${outputs.join(', ')} from ${from.text}${where}${by}${having}`
  }

  /** By all columns: equal rows may change places, and nothing else. */
  #limit(width: number, percent: number): string {
    if (!this.#chance(percent)) return ''
    const order = [...Array(width).keys()].map((index) => `${index + 1}`).join(', ')
    return ` order by ${order} limit ${1 + this.#below(4)}${this.#chance(30) ? ' offset 1' : ''}`
  }

  #outputs(depth: number, items: readonly Item[], around: Surroundings, width: number): string[] {
    return [...Array(width).keys()].map((index) => {
      const choice = this.#below(index === 0 ? 20 : 24)
      if (choice < 16) return this.#column(items, index === 0 ? 90 : 40)
      if (choice < 18) return `coalesce(${this.#column(items, 60)}, 0)`
      if (choice < 20 || depth === 0) return `${this.#below(4)}`
      return `(${this.#scalar(depth - 1, items, around)})`
    })
  }

  #scalar(depth: number, items: readonly Item[], around: Surroundings): string {
    const inner: Surroundings = { outer: [...around.outer, ...items], ctes: around.ctes }
    const from = this.#from(depth, inner)
    const call = this.#pick([
      'count(*)',
      `max(${this.#column(from.items, 30)})`,
      `sum(${this.#column(from.items, 30)})`,
    ])
    return `select ${call} from ${from.text}${this.#where(depth, from.items, inner)}`
  }

  #column(items: readonly Item[], keyPercent: number): string {
    const candidates = items.filter((item) => item.columns.length > 0)
    if (candidates.length === 0) return `${this.#below(4)}`
    if (this.#chance(keyPercent)) {
      const named = this.#hasIds ? this.#pick(['k', 'id', 'id', 'a_id']) : 'k'
      const other = candidates.filter((item) => item.columns.includes(named))
      if (named !== 'k' && other.length > 0) return `${this.#pick(other).alias}.${named}`
      const keyed = candidates.filter((item) => item.columns.includes('k'))
      if (keyed.length > 0) return `${this.#pick(keyed).alias}.k`
    }
    const item = this.#pick(candidates)
    return `${item.alias}.${this.#pick(item.columns)}`
  }

  #from(depth: number, around: Surroundings): { text: string; items: readonly Item[] } {
    let from = this.#item(depth, around, [])
    for (let count = this.#pick([0, 1, 1, 1, 2, 0]); count > 0; count -= 1) {
      const other = this.#item(depth, around, from.items)
      from = this.#join(depth, from, other, around)
    }
    return from
  }

  #join(
    depth: number,
    left: { text: string; items: readonly Item[] },
    right: { text: string; items: readonly Item[]; isLateral: boolean },
    around: Surroundings,
  ): { text: string; items: readonly Item[]; isLateral: boolean } {
    const items = [...left.items, ...right.items]
    const isLateral = right.isLateral
    const kind = this.#pick(['join', 'left join', 'join', 'left join', 'right join', 'full join', ','])
    if (kind === ',' && !isLateral) return { text: `${left.text} cross join ${right.text}`, items, isLateral }
    const outer = isLateral && kind !== 'join' ? 'left join' : kind === ',' ? 'join' : kind
    const [a] = left.items
    const [b] = right.items
    // USING names must be there once on each side; the merged column has no table.
    const canUse =
      left.items.length === 1 &&
      right.items.length === 1 &&
      a !== undefined &&
      b !== undefined &&
      a.columns.includes('k') &&
      b.columns.includes('k')
    if (canUse && this.#chance(16)) {
      const text = `${left.text} ${outer} ${right.text} using (k)`
      return this.#chance(50) ? { text, items, isLateral } : this.#aliasedJoin(text, a, b, isLateral)
    }
    if (outer === 'full join') {
      const on = `${this.#column(left.items, 80)} = ${this.#column(right.items, 80)}`
      return { text: `${left.text} full join ${right.text} on ${on}`, items, isLateral }
    }
    let on = this.#link(left.items, right.items)
    if (this.#chance(35)) on = `${on} and ${this.#condition(depth > 0 ? 1 : 0, items, around)}`
    if (this.#chance(10)) on = this.#condition(1, items, around)
    return { text: `${left.text} ${outer} ${right.text} on ${on}`, items, isLateral }
  }

  /** `(a JOIN b USING (k)) j (k, p1, p2, …)`: the merged column, then the others of both. */
  #aliasedJoin(
    text: string,
    a: Item,
    b: Item,
    isLateral: boolean,
  ): { text: string; items: readonly Item[]; isLateral: boolean } {
    const alias = this.#alias()
    const names: string[] = ['k']
    const usable = ['k']
    for (const item of [a, b]) {
      const physical = item.table === 'a' ? [...item.columns, 's'] : item.columns
      for (const column of physical) {
        if (column === 'k') continue
        names.push(`p${names.length}`)
        if (column !== 's') usable.push(names.at(-1) ?? '')
      }
    }
    return {
      text: `(${text}) ${alias} (${names.join(', ')})`,
      items: [{ alias, table: undefined, columns: usable }],
      isLateral,
    }
  }

  /** A foreign key where there is one, else equal columns, mostly keys. */
  #link(left: readonly Item[], right: readonly Item[]): string {
    const links: string[] = []
    for (const a of left) {
      for (const b of right) {
        for (const { from, columns, to, targets } of worldForeignKeys) {
          const [own, other] =
            a.table === from && b.table === to ? [a, b] : b.table === from && a.table === to ? [b, a] : []
          if (own === undefined || other === undefined) continue
          const pairs = columns.map(
            (column, index) => `${own.alias}.${column} = ${other.alias}.${targets[index] ?? ''}`,
          )
          links.push(pairs.join(' and '), pairs[0] ?? 'true')
        }
      }
    }
    if (links.length > 0 && this.#chance(this.#isTied ? 25 : 50)) return this.#pick(links)
    const a = left.filter((item) => item.columns.includes('k'))
    const b = right.filter((item) => item.columns.includes('k'))
    if (this.#isTied && a.length > 0 && b.length > 0 && this.#chance(85)) {
      return `${this.#pick(a).alias}.k = ${this.#pick(b).alias}.k`
    }
    return `${this.#column(left, 80)} = ${this.#column(right, 80)}`
  }

  #item(
    depth: number,
    around: Surroundings,
    before: readonly Item[],
  ): { text: string; items: readonly Item[]; isLateral: boolean } {
    const alias = this.#alias()
    const choice = this.#below(before.length === 0 && depth > 1 ? 28 : 20)
    const cte = around.ctes.length > 0 && choice >= 9 ? this.#pick(around.ctes) : undefined
    if (cte !== undefined) {
      return { text: `${cte.alias} ${alias}`, items: [{ ...cte, alias }], isLateral: false }
    }
    if (choice >= 15 && depth > 0) {
      const isLateral = before.length > 0 && this.#chance(40)
      const columns = ['k', 'id', 'x']
      const inner: Surroundings = {
        outer: isLateral ? [...around.outer, ...before] : around.outer,
        ctes: around.ctes,
      }
      const body = this.#query(depth - 1, inner, { width: 3 })
      const text = `${isLateral ? 'lateral ' : ''}(${body}) ${alias} (k, id, x)`
      return { text, items: [{ alias, table: undefined, columns }], isLateral }
    }
    if (choice === 14) {
      const rows = [...Array(1 + this.#below(2))].map(() => `(${1 + this.#below(6)}, ${this.#below(4)})`)
      const item = { alias, table: undefined, columns: ['k', 'x'] }
      return { text: `(values ${rows.join(', ')}) ${alias} (k, x)`, items: [item], isLateral: false }
    }
    const related = worldForeignKeys.flatMap(({ from, to }) =>
      before.some((item) => item.table === from)
        ? [to]
        : before.some((item) => item.table === to)
          ? [from]
          : [],
    )
    const isRelated = related.length > 0 && this.#chance(40)
    const isPlain = this.#isTied && this.#chance(92)
    const table = this.#pick(
      worldTables.filter(({ name }) =>
        isRelated ? related.includes(name) : !isPlain || !['h', 'u'].includes(name),
      ),
    )
    const item = { alias, table: table.name, columns: table.columns }
    return { text: `${table.name} ${alias}`, items: [item], isLateral: false }
  }

  #where(depth: number, items: readonly Item[], around: Surroundings): string {
    if (this.#chance(15)) return ''
    const conditions = [...Array(1 + this.#below(this.#isTied ? 2 : 3))].map(() =>
      this.#condition(depth, items, around),
    )
    if (!this.#isTied && this.#chance(40)) conditions.push(`${this.#column(items, 100)} = ${this.#value()}`)
    if (items.length > 1 && this.#chance(10)) conditions.push(this.#nullCondition(items))
    // A subquery over the same key as the row around it.
    const outer = around.outer.filter((item) => item.columns.includes('k'))
    const inner = items.filter((item) => item.columns.includes('k'))
    if (this.#isTied && outer.length > 0 && inner.length > 0 && this.#chance(80)) {
      conditions.push(...inner.map((item) => `${item.alias}.k = ${this.#pick(outer).alias}.k`))
    }
    return ` where ${conditions.join(' and ')}`
  }

  #condition(depth: number, items: readonly Item[], around: Surroundings): string {
    const all = [...items, ...around.outer]
    const key = (): string => this.#column(this.#chance(85) ? items : all, 90)
    const any = (): string => this.#column(this.#chance(85) ? items : all, 30)
    const constant = (): string => `${1 + this.#below(6)}`
    if (this.#isTied && this.#chance(55))
      return `${any()} ${this.#pick(['<', '>=', '<>', '='])} ${constant()}`
    const choice = this.#below(depth > 0 ? 37 : 28)
    if (choice >= (depth > 0 ? 33 : 24)) return `${key()} = ${this.#value()}`
    if (choice < 6) return `${key()} = ${this.#value()}`
    if (choice < 8) return `${key()} = ${this.#column(all, 85)}`
    if (choice === 8) return `${key()} in (${constant()}, ${this.#value()})`
    if (choice === 9) return `${key()} = any ('{${constant()},${constant()}}'::int8[])`
    if (choice === 10) return `${key()} is null`
    if (choice === 11) return `${any()} is not null`
    if (choice === 12)
      return `${key()} is not distinct from ${this.#pick([constant(), 'null', this.#value(), this.#column(all, 80), this.#parameter(null)])}`
    if (choice === 13) return `${any()} ${this.#pick(['<', '>=', '<>'])} ${constant()}`
    if (choice === 14) return `${any()} = ${any()}`
    if (choice === 15) return `(${key()}, ${any()}) = (${constant()}, ${constant()})`
    if (choice === 16) return `(${key()}, ${any()}) in ((${constant()}, ${constant()}), (${constant()}, 1))`
    if (choice === 17)
      return this.#pick([
        `${key()}::int4 = ${constant()}`,
        `${key()} = ${constant()}::int8`,
        `${key()} = '${constant()}'`,
        `${constant()} = ${key()}`,
      ])
    if (choice === 18) return `coalesce(${key()}, 1) = ${constant()}`
    if (choice === 19) return this.#pick(['true', 'false', '1 = 0', `${key()} = null`])
    if (choice === 20) return `${key()} between ${constant()} and ${constant()}`
    if (choice === 21) return `${key()} <> all ('{1,2}')`
    if (choice < 24) return `${key()} = ${this.#value()}`
    const deeper = (): string => this.#condition(depth - 1, items, around)
    if (choice < 27) return `(${deeper()} or ${deeper()})`
    if (choice === 27) return `(${deeper()} and ${deeper()})`
    if (choice === 28) return `not (${deeper()})`
    if (choice === 29) return `(${deeper()}) ${this.#pick(['is true', 'is not true', 'is unknown'])}`
    const inner: Surroundings = { outer: all, ctes: around.ctes }
    if (choice === 30) {
      const from = this.#from(depth - 1, inner)
      return `${this.#pick(['', 'not '])}exists (select ${this.#pick(['1', 'count(*)', '1'])} from ${from.text}${this.#where(depth - 1, from.items, inner)})`
    }
    if (choice === 31) {
      return `${key()} ${this.#pick(['in', 'not in'])} (${this.#query(depth - 1, inner, { width: 1 })})`
    }
    return `${key()} = (${this.#scalar(depth - 1, items, around)})`
  }

  /** What is true of rows that an outer join filled with NULLs. */
  #nullCondition(items: readonly Item[]): string {
    const key = this.#column(items, 100)
    return this.#pick([
      `${key} is null`,
      `${key} is not distinct from null`,
      `${key} is not distinct from ${this.#parameter(null)}`,
      `${key} is not distinct from ${this.#column(items, 100)}`,
      `(${key} is null or ${key} = ${1 + this.#below(6)})`,
    ])
  }

  /** A literal, a new parameter, or one that is there already. */
  #value(): string {
    if (this.#chance(60)) return `${1 + this.#below(6)}`
    if (this.#values.length > 0 && this.#chance(40)) return `$${1 + this.#below(this.#values.length)}`
    return this.#parameter(this.#chance(6) ? null : 1 + this.#below(6))
  }

  #parameter(value: number | null): string {
    this.#values.push(value)
    return `$${this.#values.length}`
  }

  #target(): Item {
    const table = this.#pick(worldTables.filter(({ name }) => ['a', 'b', 'c', 'h'].includes(name)))
    return { alias: this.#alias(), table: table.name, columns: table.columns }
  }

  #update(around: Surroundings): string {
    const target = this.#target()
    const other = this.#chance(50) ? this.#from(1, around) : undefined
    const items = [target, ...(other?.items ?? [])]
    const conditions = [this.#condition(1, items, around), this.#condition(1, items, around)]
    if (other !== undefined) conditions.push(this.#link([target], other.items))
    const set = this.#pick([
      'x = 7',
      'x = coalesce(@.x, 0) + 1',
      `x = (${this.#scalar(0, items, around)})`,
    ]).replace('@', target.alias)
    const from = other === undefined ? '' : ` from ${other.text}`
    return `update ${target.table ?? ''} ${target.alias} set ${set}${from} where ${conditions.join(' and ')} returning ${target.alias}.k, ${target.alias}.id`
  }

  #delete(around: Surroundings): string {
    const target: Item = { ...this.#target(), table: 'c', columns: ['k', 'id', 'b_id', 'b_x', 'x'] }
    const other = this.#chance(50) ? this.#from(1, around) : undefined
    const items = [target, ...(other?.items ?? [])]
    const conditions = [this.#condition(1, items, around), this.#condition(1, items, around)]
    if (other !== undefined) conditions.push(this.#link([target], other.items))
    const using = other === undefined ? '' : ` using ${other.text}`
    return `delete from c ${target.alias}${using} where ${conditions.join(' and ')} returning ${target.alias}.k, ${target.alias}.id`
  }

  #insert(around: Surroundings): string {
    const from = this.#from(1, around)
    const key = this.#pick([
      this.#column(from.items, 95),
      `${1 + this.#below(6)}`,
      this.#column(from.items, 95),
    ])
    const conditions = [this.#condition(1, from.items, around), this.#condition(1, from.items, around)]
    return `insert into h (k, id, x) select ${key}, 100 + row_number() over (partition by ${key} order by ${from.items.flatMap((item) => item.columns.map((column) => `${item.alias}.${column}`)).join(', ')}) + 100 * ${key}, 1 from ${from.text} where ${conditions.join(' and ')} returning k, id`
  }
}
