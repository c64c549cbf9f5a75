import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { additionOf, divisionOf } from './aggregates.ts'
import { printFloat4, printFloat8 } from './float-text.ts'
import { typeOid } from './type-order.ts'

interface SumVector {
  readonly type: 'int4' | 'int8' | 'numeric' | 'interval'
  readonly cases: readonly {
    readonly values: readonly string[]
    readonly sum: string
    readonly avg: string | null
  }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/merge-arithmetic.json', import.meta.url), 'utf8'),
) as {
  readonly sums: readonly SumVector[]
  readonly floatText: Readonly<Record<'float4' | 'float8', readonly (readonly [string, string])[]>>
}

/** The type of a sum over the type. */
const sumTypes = {
  int4: typeOid.int8,
  int8: typeOid.numeric,
  numeric: typeOid.numeric,
  interval: typeOid.interval,
}

describe('sums and averages have the digits of PostgreSQL', () => {
  for (const [index, { type, cases }] of vectors.sums.entries()) {
    test(`${type} #${index}`, () => {
      for (const { values, sum, avg } of cases) {
        const sumOid = sumTypes[type]
        const total = values.reduce(additionOf(sumOid))
        if (values.length > 1) expect(total).toBe(sum)
        if (avg === null) continue
        expect({ values, avg: divisionOf(typeOid.numeric, sumOid)(total, BigInt(values.length)) }).toEqual({
          values,
          avg,
        })
      }
    })
  }
})

describe('floating point is printed as PostgreSQL prints it', () => {
  const bytes = new DataView(new ArrayBuffer(8))
  test('float8', () => {
    for (const [bits, text] of vectors.floatText.float8) {
      bytes.setBigUint64(0, BigInt(`0x${bits}`))
      expect(printFloat8(bytes.getFloat64(0))).toBe(text)
    }
  })
  test('float4', () => {
    for (const [bits, text] of vectors.floatText.float4) {
      bytes.setUint32(0, Number(`0x${bits}`))
      expect(printFloat4(bytes.getFloat32(0))).toBe(text)
    }
  })
})

test('what cannot be added exactly is refused, and an overflow is told', () => {
  expect(() => additionOf(typeOid.money)).toThrowError(/sum/)
  expect(() => divisionOf(typeOid.interval, typeOid.interval)).toThrowError(/avg/)
  expect(() => divisionOf(typeOid.float8, typeOid.float4)).toThrowError(/avg/)
  expect(() => additionOf(typeOid.int4)('2147483647', '1')).toThrowError('integer out of range')
  expect(() => additionOf(typeOid.float8)('1.7e308', '1.7e308')).toThrowError('value out of range: overflow')
  expect(additionOf(typeOid.float8)('Infinity', '-Infinity')).toBe('NaN')
})
