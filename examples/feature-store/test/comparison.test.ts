import { expect, test } from 'vitest'
import { compare, type Both } from '../src/comparison.ts'
import type { Step } from '../src/steps.ts'

const run = ((_context, callback) => callback()) as Both['router']['run']
const both = { router: { run }, sharded: 'sharded', single: 'single' } as unknown as Both
const step = (answers: Record<string, unknown>, refusal?: string) =>
  ({
    title: '',
    note: '',
    ...(refusal && { refusal }),
    run: async (db: unknown) => answers[String(db)],
  }) as Step

test.each([
  ['another value', [{ a: 1 }], [{ a: 2 }]],
  ['another type', [{ a: 1 }], [{ a: '1' }]],
  ['another order', [{ a: 1 }, { a: 2 }], [{ a: 2 }, { a: 1 }]],
  ['a missing row', [{ a: 1 }], []],
  ['another date', [{ a: new Date(1) }], [{ a: new Date(2) }]],
])('%s is a difference', async (_, sharded, single) => {
  expect(await compare(both, step({ sharded, single }))).toMatchObject({ verdict: 'different' })
})

test('the same rows are equal', async () => {
  const rows = () => [{ a: new Date(1), b: null }]
  expect(await compare(both, step({ sharded: rows(), single: rows() }))).toMatchObject({ verdict: 'equal' })
})

test('what should be refused and is not, is a difference; another error is no refusal', async () => {
  expect(await compare(both, step({ sharded: [] }, 'UNPROVED_WRITE'))).toMatchObject({ verdict: 'different' })
  const failing = { ...step({}, 'UNPROVED_WRITE'), run: () => Promise.reject(new Error('connection lost')) }
  await expect(compare(both, failing)).rejects.toThrow('connection lost')
})
