import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { startServers } from '@shardline/example-orders'
import { AppModule } from './app-module.ts'

const servers = await startServers()
const app = await NestFactory.create(AppModule.over(servers.router))
await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
const url = await app.getUrl()
console.log(`The customers of tenants 1 to 6 are at ${url}/customers. Try, in another terminal:

  curl -s ${url}/customers -H 'x-tenant: 3' -H 'content-type: application/json' -d '{"name": "Kim", "email": "kim@example.org"}'
  curl -s ${url}/customers -H 'x-tenant: 3'
`)
process.once('SIGINT', () => {
  void app.close().then(() => servers.stop())
})
