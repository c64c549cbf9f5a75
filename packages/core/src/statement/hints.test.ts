import { describe, expect, it } from 'vitest'
import { StatementError } from '../errors.ts'
import { removeComments } from './comments.ts'
import { hintsKey, noHints, readHints } from './hints.ts'

const read = (sql: string): unknown => readHints(removeComments(sql).comments)

describe('readHints', () => {
  it('reads every directive', () => {
    const sql = `/* shardline: role=primary, shard=eu0, tenant='a b', workload=training, consistency=strong */ select 1`
    expect(read(sql)).toEqual({
      role: 'primary',
      shard: 'eu0',
      tenant: 'a b',
      workload: 'training',
      consistency: 'strong',
    })
  })

  it('takes quoted values with doubled quotes, line comments and several comments', () => {
    expect(read(`select 1 -- shardline: tenant='o''x, y=z'\n /*shardline:shard="a""b"*/`)).toEqual({
      tenant: `o'x, y=z`,
      shard: 'a"b',
    })
  })

  it('ignores other comments and hints inside strings', () => {
    expect(
      read(`select '/* shardline: role=primary */' /* traceparent='00-1' */ /* shardline is nice */`),
    ).toBe(noHints)
  })

  it.each([
    '/* shardline: role=master */',
    '/* shardline: consistency=none */',
    '/* shardline: colour=red */',
    '/* shardline: role */',
    '/* shardline: */',
    '/* shardline: role=primary, */',
    '/* shardline: role=primary role=replica */',
    '/* shardline: role=primary, role=replica */',
    `/* shardline: tenant='' */`,
    `/* shardline: tenant='open */`,
    '/* shardline: toString=x */',
    '/* shardline: shard=a */ /* shardline: shard=b */',
  ])('refuses %s', (sql) => {
    expect(() => read(sql)).toThrow(expect.objectContaining({ code: 'HINT_INVALID' }))
    expect(() => read(sql)).toThrow(StatementError)
  })

  it('never repeats a value', () => {
    expect(() => read('/* shardline: role=s3cret */')).not.toThrow(/s3cret/)
  })

  it('gives one key for one meaning', () => {
    const a = readHints(removeComments('/* shardline: shard=a, tenant=b */').comments)
    const b = readHints(removeComments('/*shardline:tenant="b",shard=a*/').comments)
    expect(hintsKey(a)).toBe(hintsKey(b))
    const tricky = readHints(removeComments(`/* shardline: shard='a,tenant="b"' */`).comments)
    expect(hintsKey(tricky)).not.toBe(hintsKey(a))
  })
})
