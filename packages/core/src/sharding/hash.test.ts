import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { hashBytes, hashInteger } from './hash.ts'

interface Row {
  readonly type: 'text' | 'bigint' | 'uuid'
  readonly value: string
  readonly hash0: string
  readonly hashSeed: string
  readonly bucket: number
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/pg-hash.json', import.meta.url), 'utf8')) as {
  readonly rows: readonly Row[]
}

function lowWord(hash: string): number {
  return Number(BigInt.asIntN(32, BigInt(hash)))
}

function hashRow(row: Row, seedHigh?: number, seedLow?: number): number {
  if (row.type === 'bigint') {
    const value = BigInt(row.value)
    return hashInteger(Number(value >> 32n), Number(BigInt.asIntN(32, value)), seedHigh, seedLow)
  }
  const bytes =
    row.type === 'text' ? Buffer.from(row.value) : Buffer.from(row.value.replaceAll('-', ''), 'hex')
  return hashBytes(bytes, bytes.length, seedHigh, seedLow)
}

describe("PostgreSQL's extended hash", () => {
  test('there are vectors of every type', () => {
    expect(new Set(vectors.rows.map((row) => row.type))).toEqual(new Set(['text', 'bigint', 'uuid']))
  })
  test.each(vectors.rows)('$type $value', (row) => {
    expect(hashRow(row, 0, 0)).toBe(lowWord(row.hash0))
    expect(hashRow(row)).toBe(lowWord(row.hashSeed))
    expect(hashRow(row) & 16383).toBe(row.bucket)
  })
})
