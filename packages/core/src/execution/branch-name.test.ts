import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printBranchName, readBranchName } from './branch-name.ts'

describe('the name of a prepared branch', () => {
  it('says whom to ask about what', () => {
    const shard = fc.string({ minLength: 1, maxLength: 20 }).filter((name) => encodable(name))
    fc.assert(
      fc.property(shard, shard, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (decider, own, xid) => {
        const branch = { decider, decision: { xid: String(xid), timeline: '0000000A' }, shard: own }
        const name = printBranchName(branch)
        expect(name.length).toBeLessThan(200)
        expect(readBranchName(name)).toEqual(branch)
      }),
    )
  })

  it('is unlike that of anybody else', () => {
    for (const name of [
      '',
      'x',
      'shardline1',
      'shardline1:a:1:b',
      'shardline1:a:1:x:b:c',
      'other1:a:0:1:b:c',
    ]) {
      expect(readBranchName(name)).toBeUndefined()
    }
  })

  it('is refused when it does not fit', () => {
    const decision = { xid: '1', timeline: '00000001' }
    expect(() => printBranchName({ decider: 'a'.repeat(99), decision, shard: 'b'.repeat(99) })).toThrow(
      'too long',
    )
  })
})

/** Short enough when spelled with percent signs. */
function encodable(name: string): boolean {
  return name.isWellFormed() && encodeURIComponent(name).length <= 60
}
