export type { BestSeller, Customer, NewOrder, Order, OrderBook, OrderLine } from './order-book.ts'
export { serve, type Served } from './http.ts'
export { startServers, type Servers } from './servers.ts'
export { runFromCommandLine } from './command-line.ts'
