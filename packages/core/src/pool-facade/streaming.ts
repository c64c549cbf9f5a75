import { createResult } from '../execution/result.ts'
import { defaultBatchSize } from '../execution/row-stream.ts'
import type pg from 'pg'
import type { Engine } from '../execution/engine.ts'
import type { RowStream } from '../execution/row-stream.ts'
import type { RouteContext } from '../routing/context.ts'

export interface StreamOptions {
  /** Rows per round trip to each server, and at most in each batch. Default 100. */
  readonly batchSize?: number | undefined
  /** Cancels on the servers; the stream then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  readonly rowMode?: 'array' | undefined
  readonly types?: pg.CustomTypesConfig | undefined
  /** Laid over the context of `router.run`, as with `query`. */
  readonly context?: RouteContext | undefined
}

export interface OpenedStream {
  readonly stream: RowStream
  readonly done: () => void
}

/** Rows of a stream as `pg` would have parsed them. Nothing is sent before the first batch is asked for. */
export async function* rowsOf<R>(
  engine: Engine,
  options: StreamOptions,
  open: (batchSize: number) => Promise<OpenedStream>,
): AsyncGenerator<R[], void, undefined> {
  const { batchSize = defaultBatchSize, rowMode, types = engine.types } = options
  const { stream, done } = await open(batchSize)
  try {
    const result = createResult(engine.pg, { rowMode, types })
    result.addFields(stream.fields)
    for (;;) {
      const next = await stream.next()
      if (next.done === true) return
      yield next.value.map((row) => result.parseRow(row) as R)
    }
  } finally {
    try {
      await stream.return()
    } finally {
      done()
    }
  }
}
