import { describe, expect, test } from 'vitest'
import { parseArguments } from './arguments.ts'

describe('the command line', () => {
  test('has defaults', () => {
    expect(parseArguments([])).toEqual({
      shards: 1,
      replicas: 0,
      replayDelayMs: 0,
      conf: {},
      files: [],
      json: false,
    })
  })

  test('takes every option', () => {
    const argv =
      '--shards 2 --replicas=1 --sql a.sql --sql b.sql --conf work_mem=8MB --conf a.b=c=d --icu en-US --replay-delay 50 --json'
    expect(parseArguments(argv.split(' '))).toEqual({
      shards: 2,
      replicas: 1,
      replayDelayMs: 50,
      conf: { work_mem: '8MB', 'a.b': 'c=d' },
      collation: { provider: 'icu', locale: 'en-US' },
      files: ['a.sql', 'b.sql'],
      json: true,
    })
  })

  test('asks for help before anything else is judged', () => {
    expect(parseArguments(['--shards', 'x', '-h'])).toBe('help')
  })

  test.each([
    [['--shards', 'two'], '--shards takes a whole number, not "two".'],
    [['--shards', '-1'], /--shards/],
    [['--replicas', '1.5'], '--replicas takes a whole number, not "1.5".'],
    [['--conf', 'work_mem'], '--conf takes NAME=VALUE, not "work_mem".'],
    [['--shard', '2'], /--shard/],
    [['schema.sql'], /schema\.sql/],
    [['--sql'], /--sql/],
  ])('refuses %j', (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(message) }),
    )
  })
})
