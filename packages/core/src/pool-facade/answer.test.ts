import { describe, expect, test } from 'vitest'
import { answering, type AnswerCallback } from './answer.ts'

async function asksForIt(start: (done: AnswerCallback) => void): Promise<unknown> {
  return await answering(start)
}

function fromTheSocket(): Error {
  const error = new Error('terminated')
  error.stack = 'Error: terminated'
  return error
}

describe('answering()', () => {
  test('resolves with the result', async () => {
    expect(await answering((done) => done(undefined, 'a result'))).toBe('a result')
  })

  test.each(['at once', 'later'])(
    'an error that comes %s says where the statement was given',
    async (when) => {
      const error = fromTheSocket()
      const failed = asksForIt((done) => {
        if (when === 'at once') done(error, undefined)
        else setImmediate(done, error, undefined)
      })
      await expect(failed).rejects.toBe(error)
      expect(error.stack).toContain('asksForIt')
    },
  )

  test('what is no error is passed on as it is', async () => {
    await expect(answering((done) => done('a reason', undefined))).rejects.toBe('a reason')
  })
})
