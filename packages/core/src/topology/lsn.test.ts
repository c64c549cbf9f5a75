import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasReached, parseLsn, printLsn, timelineOfWalFile } from './lsn.ts'

describe('parseLsn', () => {
  it('reads what PostgreSQL prints', () => {
    expect(parseLsn('0/0')).toBe(0n)
    expect(parseLsn('16/B374D848')).toBe(0x16_b374d848n)
    expect(parseLsn('FFFFFFFF/FFFFFFFF')).toBe(0xffff_ffff_ffff_ffffn)
  })

  it('does not pad the lower half: 1/F is less than 1/10', () => {
    expect((parseLsn('1/F') ?? 0n) < (parseLsn('1/10') ?? 0n)).toBe(true)
  })

  it.each(['', '0', '/', '0/', 'G/0', '0/123456789', ' 0/0', '0/0\n'])('refuses %j', (text) => {
    expect(parseLsn(text)).toBeUndefined()
  })

  it('is the inverse of printLsn', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), (lsn) => {
        expect(parseLsn(printLsn(lsn))).toBe(lsn)
      }),
    )
  })
})

describe('hasReached', () => {
  it('compares within a timeline only', () => {
    expect(hasReached({ timeline: 1, lsn: 5n }, { timeline: 1, lsn: 5n })).toBe(true)
    expect(hasReached({ timeline: 1, lsn: 4n }, { timeline: 1, lsn: 5n })).toBe(false)
    expect(hasReached({ timeline: 1, lsn: 9n }, { timeline: 2, lsn: 5n })).toBe(false)
    expect(hasReached({ timeline: 3, lsn: 9n }, { timeline: 2, lsn: 5n })).toBe(false)
  })
})

describe('timelineOfWalFile', () => {
  it('reads the first eight hexadecimal digits', () => {
    expect(timelineOfWalFile('0000000A00000001000000C3')).toBe(10)
    expect(timelineOfWalFile('00000001.history')).toBeUndefined()
  })
})
