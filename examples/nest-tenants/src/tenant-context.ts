import { BadRequestException, Inject, Injectable, type NestMiddleware } from '@nestjs/common'
import type { Router } from '@shardline/core'

/** The injection token of the router. */
export const shardlineRouter = Symbol('Shardline router')

interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  tenantId?: string
}

/**
 * Runs each request in the context of the tenant that its header names: no statement of the request can leave the
 * tenant's shard, whichever repository sends it, and no provider has to be request-scoped for it.
 */
@Injectable()
export class TenantContext implements NestMiddleware<Request, unknown> {
  readonly #router: Router

  constructor(@Inject(shardlineRouter) router: Router) {
    this.#router = router
  }

  use(request: Request, _response: unknown, next: () => void): void {
    const tenant = request.headers['x-tenant']
    if (typeof tenant !== 'string' || !/^\d+$/.test(tenant)) {
      throw new BadRequestException('The header x-tenant must name the tenant by its number.')
    }
    request.tenantId = tenant
    this.#router.run({ tenant }, next)
  }
}
