/** No system that PostgreSQL runs on numbers its processes higher (Linux: PID_MAX_LIMIT). */
const highestPid = 4_194_304

/**
 * True when the process number in a server's greeting is none: poolers such as PgBouncer and Odyssey put random bits there,
 * which look like a process once in a thousand times.
 */
export function isPoolerKey(processId: number | null): boolean {
  return processId === null || processId <= 0 || processId > highestPid
}
