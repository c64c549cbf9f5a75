import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketOfId, idBuckets, integerId, uuidId } from './routable-id.ts'

const bucket = fc.integer({ min: 0, max: idBuckets - 1 })
const tick = fc.integer({ min: 0, max: 2 ** 48 - 1 })

test('an integer id gives its bucket back, however it is written', () => {
  fc.assert(
    fc.property(tick, bucket, (time, expected) => {
      const id = integerId(time, expected)
      expect(id).toBeGreaterThanOrEqual(0n)
      expect(id).toBeLessThan(2n ** 63n)
      for (const value of [id, String(id), ` +00${id} `])
        expect(bucketOfId('int8', value, 'int8')).toBe(expected)
      if (id <= Number.MAX_SAFE_INTEGER) expect(bucketOfId('int8', Number(id), 'int8')).toBe(expected)
    }),
  )
})

test('integer ids of one bucket sort by tick, and no two pairs of tick and bucket share an id', () => {
  fc.assert(
    fc.property(tick, tick, bucket, bucket, (a, b, c, d) => {
      const [first, second] = [integerId(a, c), integerId(b, d)]
      expect(first === second).toBe(a === b && c === d)
      if (Math.floor(a / 128) < Math.floor(b / 128)) expect(first < second).toBe(true)
    }),
  )
})

test('a uuid gives its bucket and time back, is of version 7, and keeps 59 bits of chance', () => {
  const ms = fc.integer({ min: 0, max: 2 ** 48 - 1 })
  const random = fc.uint8Array({ minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(ms, bucket, random, (time, expected, bytes) => {
      const id = uuidId(time, expected, bytes)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(bucketOfId('uuid', id.toUpperCase(), 'uuid')).toBe(expected)
      expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(time)
    }),
  )
  const ones = uuidId(0, 0, new Uint8Array(16).fill(255))
  expect(ones).toBe('00000000-0000-7fff-8000-7fffffffffff')
})

test('what is no id of the type proves nothing', () => {
  expect(bucketOfId('int8', '12x', 'int8')).toBe(-1)
  expect(bucketOfId('int8', 1.5, 'int8')).toBe(-1)
  expect(bucketOfId('int8', '1', 'text')).toBe(-1)
  expect(bucketOfId('uuid', 'no', 'uuid')).toBe(-1)
  expect(bucketOfId('uuid', '00000000-0000-7fff-8000-7fffffffffff', 'text')).toBe(-1)
})
