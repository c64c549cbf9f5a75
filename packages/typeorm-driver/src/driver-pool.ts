import { EventEmitter } from 'node:events'
import type { RoutedClient, Router } from '@shardline/core'

type Release = (error?: Error | boolean) => void
type Connected = (error: Error | undefined, client: RoutedClient | undefined, release: Release) => void

/** What TypeORM makes of `driver.Pool`: the router's connections, under the life of one data source. */
export class DriverPool extends EventEmitter {
  readonly #router: Router
  readonly #passOn = (error: Error): void => void this.emit('error', error)

  constructor(router: Router) {
    super()
    this.#router = router
    router.pool.on('error', this.#passOn)
  }

  connect(connected: Connected): void {
    this.#router.pool.connect(connected as Parameters<Router['pool']['connect']>[0])
  }

  /** Ends nothing but this data source's share: the router may serve others. */
  end(ended: (error?: Error) => void): void {
    this.#router.pool.removeListener('error', this.#passOn)
    ended()
  }
}
