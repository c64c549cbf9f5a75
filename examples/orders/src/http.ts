import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ShardlineError, type Router } from '@shardline/core'
import type { Customer, NewOrder, OrderBook } from './order-book.ts'

export interface Served {
  readonly url: string
  readonly close: () => Promise<void>
}

interface Call {
  readonly tenantId: number
  readonly id: string
  readonly limit: number
  /** The request's JSON, which the application takes at its word. */
  readonly body: () => Promise<unknown>
}

const routes: Readonly<Record<string, (book: OrderBook, call: Call) => Promise<unknown>>> = {
  'POST /customers': async (book, { tenantId, body }) =>
    book.addCustomer(tenantId, (await body()) as Omit<Customer, 'id'>),
  'POST /orders': async (book, { tenantId, body }) => book.place(tenantId, (await body()) as NewOrder),
  'GET /orders': (book, { tenantId, limit }) => book.list(tenantId, limit),
  'GET /orders/:id': (book, { id }) => book.find(id),
  'POST /orders/:id/ship': async (book, { id }) => ((await book.ship(id)) ? { shipped: id } : undefined),
  'GET /best-sellers': (book, { limit }) => book.bestSellers(limit),
}

/**
 * The application over HTTP on 127.0.0.1. The header `x-tenant` says for whom a request is; everything below it then
 * runs in that tenant's context, so that no statement of the request can leave the tenant's shard.
 */
export async function serve(book: OrderBook, router: Router, port = 0): Promise<Served> {
  const server = createServer((request, response) => {
    void answer(book, router, request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections()
        server.close((error) => (error === undefined ? resolve() : reject(error)))
      }),
  }
}

async function answer(book: OrderBook, router: Router, request: IncomingMessage) {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const [, collection = '', id = '', ...rest] = url.pathname.split('/')
  const path = [`${request.method} /${collection}`, ...(id === '' ? [] : [':id']), ...rest].join('/')
  const route = routes[path]
  if (route === undefined) return { status: 404, body: { error: 'There is no such page.' } }
  const tenantHeader = request.headers['x-tenant']
  const call: Call = {
    tenantId: Number(tenantHeader),
    id,
    limit: Number(url.searchParams.get('limit') ?? 20),
    body: () => json(request),
  }
  try {
    const run = () => route(book, call)
    const body = await (tenantHeader === undefined ? run() : router.run({ tenant: call.tenantId }, run))
    return body === undefined ? { status: 404, body: { error: 'It was not found.' } } : { status: 200, body }
  } catch (error) {
    if (error instanceof ShardlineError) return { status: 409, body: { error: error.message } }
    return { status: 500, body: { error: 'It did not work.' } }
  }
}

async function json(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}
