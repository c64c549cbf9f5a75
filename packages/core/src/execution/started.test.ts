import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { started } from './started.ts'

/** As Drizzle's and Prisma's: it runs when it is awaited, and not before. */
function lazy<T>(run: () => Promise<T>): PromiseLike<T> {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- what the test is about
    then: (resolve, reject) => run().then(resolve, reject),
  }
}

it('starts a lazy query in the context that it was made in', async () => {
  const contexts = new AsyncLocalStorage<string>()
  const query = lazy(async () => contexts.getStore())
  expect(await contexts.run('inner', () => query)).toBeUndefined()
  expect(await contexts.run('inner', () => started(query))).toBe('inner')
})

it('starts it once, and passes its error on', async () => {
  let runs = 0
  const result = started(
    lazy(async () => {
      runs += 1
      throw new Error('no')
    }),
  )
  await expect(result).rejects.toThrow('no')
  await expect(result).rejects.toThrow('no')
  expect(runs).toBe(1)
})

it('leaves everything else as it is', () => {
  const promise = Promise.resolve(1)
  for (const value of [promise, undefined, null, 0, 'text', {}]) expect(started(value)).toBe(value)
})
