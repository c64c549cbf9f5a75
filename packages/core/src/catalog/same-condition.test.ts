import { beforeAll, expect, test } from 'vitest'
import { loadParser } from '../statement/parser.ts'
import { isSameCondition } from './same-condition.ts'

beforeAll(() => loadParser())

test('a condition is the same as PostgreSQL prints it', () => {
  expect(
    isSameCondition(
      `((id >> 7) & 32767) = (pg_catalog.hashint8extended("tenant_id", 8816678312871386365) & 16383)`,
      `(((id >> 7) & (32767)::bigint) = (hashint8extended((tenant_id)::bigint, '8816678312871386365'::bigint) & (16383)::bigint))`,
    ),
  ).toBe(true)
  expect(isSameCondition(`a = 0 or b = 'x'`, `((a = 0) OR ((b)::text = 'x'::text))`)).toBe(true)
})

test.each([
  ['a = 1', 'a = 2'],
  ['a = 1', 'b = 1'],
  ['a = 1', 'a >= 1'],
  ['a = 1', 'a OPERATOR(public.=) 1'],
  ['a = 1', 'a = 1 or true'],
  ['a = 1', 'not a = 1'],
  ['f(a) = 1', 'public.f(a) = 1'],
  ['a = 1', '(a)::int2 = 1'],
  ['f(a::int2) = 1', 'f(a) = 1'],
  ['f(g(a)) = 1', 'f(g(a)::bigint) = 1'],
  ['a = true', 'a = false'],
  ['a is null', 'a is not null'],
  ['a = 1', 'a = 1; select 1'],
  ['a = 1', ''],
])('%s is not %s', (a, b) => {
  expect(isSameCondition(a, b)).toBe(false)
  expect(isSameCondition(b, a)).toBe(false)
})
