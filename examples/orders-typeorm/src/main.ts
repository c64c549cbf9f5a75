import { runFromCommandLine } from '@shardline/example-orders'
import { openOrderBook } from './order-book.ts'

await runFromCommandLine(openOrderBook)
