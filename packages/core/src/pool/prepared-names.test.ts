import { describe, expect, it } from 'vitest'
import { PreparedNames } from './prepared-names.ts'

describe('PreparedNames', () => {
  it('names a text on its second use, and the same ever after', () => {
    const names = new PreparedNames()
    expect(names.nameOf('a')).toBeUndefined()
    expect(names.nameOf('b')).toBeUndefined()
    const name = names.nameOf('a')
    expect(name).toMatch(/^shardline_[0-9a-f]{12}_1$/)
    expect(names.nameOf('a')).toBe(name)
    expect(names.nameOf('b')).not.toBe(name)
  })

  it('keeps the names of texts in use while thousands pass by', () => {
    const names = new PreparedNames()
    names.nameOf('kept')
    const name = names.nameOf('kept')
    for (let text = 0; text < 30_000; text++) {
      names.nameOf(`passing ${text}`)
      if (text % 1_000 === 0) expect(names.nameOf('kept')).toBe(name)
    }
    // Seen once, forgotten, seen once again.
    expect(names.nameOf('passing 0')).toBeUndefined()
  })

  it('never gives a name twice, also when a text was forgotten', () => {
    const names = new PreparedNames()
    const given = new Set<string>()
    let count = 0
    for (let round = 0; round < 3; round++) {
      for (let text = 0; text < 12_000; text++) {
        names.nameOf(`text ${text}`)
        const name = names.nameOf(`text ${text}`)
        if (name === undefined) throw new Error('no name on the second use')
        count++
        given.add(name)
      }
    }
    expect(given.size).toBe(count)
  })

  it('is bounded in characters as well', () => {
    const names = new PreparedNames()
    names.nameOf('early')
    for (let text = 0; text < 600; text++) names.nameOf(`${text} ${'x'.repeat(16_000)}`)
    expect(names.nameOf('early')).toBeUndefined()
  })

  it('leaves texts alone that V8 would hash by their length', () => {
    const names = new PreparedNames()
    const long = 'x'.repeat(16_384)
    expect([names.nameOf(long), names.nameOf(long), names.nameOf(long)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})
