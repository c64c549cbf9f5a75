import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser } from './parser.ts'
import { shortenList } from './shorten-list.ts'

beforeAll(loadParser)

const pairs = (numbers: readonly number[]): number[][] => numbers.map((number) => [number])

describe('shortenList', () => {
  it.each<[text: string, items: number[][], keep: number, short: string, numbers: number[]]>([
    [
      'select * from t where k in ($1, $2, $3)',
      pairs([1, 2, 3]),
      2,
      'select * from t where k in ($1, $2)',
      [1, 2],
    ],
    [
      'select $5, k from t where k in ($1,$2 , $3) and n > $4 limit $6',
      pairs([1, 2, 3]),
      1,
      'select $3, k from t where k in ($1) and n > $2 limit $4',
      [1, 4, 5, 6],
    ],
    [
      'update t set n = $4 where k in ($3, $1, $2) returning $5::int',
      pairs([3, 1, 2]),
      2,
      'update t set n = $3 where k in ($2, $1) returning $4::int',
      [1, 3, 4, 5],
    ],
    [
      'select 1 from t where (k, n) in (($1, $2), ($3, $4), row($5, $6)) or n = $7',
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      2,
      'select 1 from t where (k, n) in (($1, $2), ($3, $4)) or n = $5',
      [1, 2, 3, 4, 7],
    ],
    [
      'select 1 from t where k = any(array[$1::int8, cast($2 as int8), ($3)])',
      pairs([1, 2, 3]),
      2,
      'select 1 from t where k = any(array[$1::int8, cast($2 as int8)])',
      [1, 2],
    ],
    [
      `select '($1, $2, $3)', "a,b", $q$($1, $2)$q$ from t where s = '$4' and k in ($1, $2, $3) -- $1, $2, $3`,
      pairs([1, 2, 3]),
      1,
      `select '($1, $2, $3)', "a,b", $q$($1, $2)$q$ from t where s = '$4' and k in ($1) -- $1, $2, $3`,
      [1],
    ],
    [
      'select 1 from t where k in (select k from u where x in ($1, $2, $3) and y in ($4, $5))',
      pairs([4, 5]),
      1,
      'select 1 from t where k in (select k from u where x in ($1, $2, $3) and y in ($4))',
      [1, 2, 3, 4],
    ],
  ])('%s', (text, items, keep, short, numbers) => {
    const parameterCount = Math.max(...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
    const used = text.includes("'$4'") ? 3 : parameterCount
    expect(shortenList(text, { items, parameterCount: used }, keep)).toEqual({ text: short, numbers })
  })

  it.each<[why: string, text: string, items: number[][], keep: number, parameterCount: number]>([
    ['there is no such list', 'select 1 from t where k in ($1, $3, $2)', pairs([1, 2, 3]), 2, 3],
    ['an item has more than its parameters', 'select 1 from t where k in ($1, $2 + $3)', pairs([1, 2]), 1, 3],
    ['it is short enough', 'select 1 from t where k in ($1, $2)', pairs([1, 2]), 2, 2],
    ['it would be empty', 'select 1 from t where k in ($1, $2)', pairs([1, 2]), 0, 2],
    ['a parameter is used nowhere', 'select 1 from t where k in ($1, $3)', pairs([1, 3]), 1, 3],
    ['there are more values than parameters', 'select 1 from t where k in ($1, $2)', pairs([1, 2]), 1, 3],
    [
      'one of them stands somewhere else, too',
      'select $2 from t where k in ($1, $2, $3)',
      pairs([1, 2, 3]),
      1,
      3,
    ],
  ])('leaves the text alone where %s', (_why, text, items, keep, parameterCount) => {
    expect(shortenList(text, { items, parameterCount }, keep)).toBeUndefined()
  })
})
