/** What went wrong, for programs. The message says it for people, with the next step. */
export type LocalClusterErrorCode =
  | 'UNSUPPORTED_PLATFORM'
  | 'BINARIES_MISSING'
  | 'BAD_OPTION'
  | 'START_FAILED'
  | 'NOT_RUNNING'
  | 'NOT_A_REPLICA'
  | 'TIMEOUT'
  | 'REDIS_MISSING'
  | 'POOLER_MISSING'

export class LocalClusterError extends Error {
  override readonly name = 'LocalClusterError'
  readonly code: LocalClusterErrorCode

  constructor(code: LocalClusterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
