import type { Application, Lack } from '../application.ts'
import type { World } from '../harness/world.ts'

/**
 * What a scenario is about. `ordinary-model`: everything that its statements are about carries a key or a routable id, so each has
 * to run on one shard. `disruptive`: it breaks something and comes last.
 */
export type Tag =
  | 'read'
  | 'write'
  | 'relation'
  | 'raw'
  | 'transaction'
  | 'context'
  | 'error'
  | 'fault'
  | 'ordinary-model'
  | 'disruptive'

/** Something an application does, with what it must get and the servers that it must reach. */
export interface Scenario {
  readonly name: string
  readonly tags: readonly Tag[]
  /** Features that an ORM may lack; then it is skipped, with the ORM's reason. */
  readonly needs?: readonly Lack[]
  run(application: Application, world: World): Promise<void>
}
