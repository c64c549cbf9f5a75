import { expect, test } from 'vitest'
import { nodeSettings, toConf } from './settings.ts'

test('a server is not given settings that came after it', () => {
  expect(nodeSettings(15)).not.toHaveProperty('io_method')
  expect(nodeSettings(17)).not.toHaveProperty('io_method')
  expect(nodeSettings(18)).toHaveProperty('io_method', 'sync')
})

test('own settings win', () => {
  expect(nodeSettings(18, { fsync: 'on', io_method: 'worker' })).toMatchObject({
    fsync: 'on',
    io_method: 'worker',
  })
})

test('values are quoted for postgresql.conf', () => {
  expect(toConf({ search_path: `"$user", 'odd'` })).toBe(`search_path = '"$user", ''odd'''\n`)
})
