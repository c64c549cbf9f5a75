import type { PrismaPg } from '@prisma/adapter-pg'

type ConnectedAdapter = Awaited<ReturnType<PrismaPg['connect']>>
type Transaction = Awaited<ReturnType<ConnectedAdapter['startTransaction']>>

/**
 * Gives a transaction's connection back when its end fails, be it by a deferred constraint or by a session that died. Prisma 6
 * forgets it then, and who ends the router would wait for it forever; Prisma 7 gives it back itself.
 */
export function releaseAfterEnd(adapter: ConnectedAdapter): ConnectedAdapter {
  const start = adapter.startTransaction.bind(adapter)
  adapter.startTransaction = async (isolationLevel) => releasing(await start(isolationLevel))
  return adapter
}

function releasing(transaction: Transaction): Transaction {
  const executeRaw = transaction.executeRaw.bind(transaction)
  const rollback = transaction.rollback.bind(transaction)
  const commit = transaction.commit.bind(transaction)
  let isReleased = false
  const once = async (release: () => Promise<void>): Promise<void> => {
    if (isReleased) return
    isReleased = true
    await release()
  }
  return Object.assign(transaction, {
    commit: () => once(commit),
    rollback: () => once(rollback),
    executeRaw: async (query: Parameters<Transaction['executeRaw']>[0]) => {
      try {
        return await executeRaw(query)
      } catch (error) {
        // These two texts are the driver adapter protocol's own, and the last of a transaction.
        if (query.sql === 'COMMIT' || query.sql === 'ROLLBACK') await once(rollback)
        throw error
      }
    },
  })
}
