import {
  ConfigError,
  DatabaseError,
  StatementError,
  TopologyError,
  type ShardlineError,
} from '@shardline/core'

interface Operation {
  readonly clientMethod: string
  readonly modelName?: string | undefined
}

const families = [ConfigError, StatementError, TopologyError, DatabaseError] as const

/** The same error, telling which operation on which model it was. */
export function toOperationError(
  error: ShardlineError,
  { clientMethod, modelName }: Operation,
): ShardlineError {
  const Family = families.find((one) => error instanceof one)
  if (Family === undefined) return error
  const ofModel = modelName === undefined ? '' : ` on model ${modelName}`
  const details = {
    ...error.details,
    operation: clientMethod,
    ...(modelName === undefined ? {} : { model: modelName }),
  }
  return new Family(error.code, `prisma.${clientMethod}()${ofModel}: ${error.message}`, {
    cause: error.cause ?? error,
    details,
  })
}
