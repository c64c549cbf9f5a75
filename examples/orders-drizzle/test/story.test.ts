import { followStory } from '@shardline/example-orders/story'
import { expect, test } from 'vitest'
import { openOrderBook } from '../src/order-book.ts'

test('the order book with Drizzle on two shards', async () => {
  expect(await followStory(openOrderBook)).toBe(6)
})
