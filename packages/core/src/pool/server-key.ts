/** No system that PostgreSQL runs on numbers its processes higher (Linux: PID_MAX_LIMIT). */
const highestPid = 4_194_304

/**
 * False when the process number in a server's greeting is certainly none: poolers such as PgBouncer and Odyssey put random
 * bits there, of which one in a thousand looks like a process. `askPid` of the same connection tells those, too.
 */
export function mayBeServerPid(processId: number | null): boolean {
  return processId !== null && processId > 0 && processId <= highestPid
}
