import type { Router } from '@shardline/core'
import { serve } from './http.ts'
import type { OrderBook } from './order-book.ts'
import { startServers } from './servers.ts'

/** Starts servers and the application over them, and prints what to try. Ctrl-C ends all of it. */
export async function runFromCommandLine(
  open: (router: Router) => OrderBook | Promise<OrderBook>,
): Promise<void> {
  const servers = await startServers()
  const book = await open(servers.router)
  const { url, close } = await serve(book, servers.router, Number(process.env.PORT ?? 0))
  console.log(`The order book of tenants 1 to 6 is at ${url}. Try, in another terminal:

  curl -s ${url}/customers -H 'x-tenant: 3' -d '{"name": "Kim", "email": "kim@example.org"}'
  curl -s ${url}/orders -H 'x-tenant: 3' -d '{"customerId": "<id>", "lines": [{"sku": "tea", "quantity": 2}]}'
  curl -s ${url}/orders -H 'x-tenant: 3'
  curl -s ${url}/orders/<id>
  curl -s ${url}/best-sellers
`)
  process.once('SIGINT', () => {
    void close()
      .then(() => book.close())
      .then(() => servers.stop())
  })
}
