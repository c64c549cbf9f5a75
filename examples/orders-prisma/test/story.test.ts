import { followStory } from '@shardline/example-orders/story'
import { test } from 'vitest'
import { openOrderBook } from '../src/order-book.ts'

test('the order book with Prisma on two shards', () => followStory(openOrderBook))
