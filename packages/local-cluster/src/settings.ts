/** Settings of PostgreSQL by name, as in postgresql.conf. */
export type Settings = Readonly<Record<string, string | number>>

// Small, fast and forgetful: durability is given up (a machine that loses power loses the cluster anyway), everything
// that tests want to try is on, and timeouts are short enough to watch.
const base: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '16MB',
  max_connections: 60,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  fsync: 'off',
  full_page_writes: 'off',
  jit: 'off',
  // shared memory segments in the node's folder, so that they go away with it even after a kill -9
  dynamic_shared_memory_type: 'mmap',
  wal_level: 'logical',
  wal_keep_size: '64MB',
  min_wal_size: '8MB',
  max_wal_size: '128MB',
  max_wal_senders: 10,
  max_replication_slots: 10,
  max_worker_processes: 8,
  max_logical_replication_workers: 6,
  max_prepared_transactions: 20,
  hot_standby_feedback: 'on',
  max_standby_streaming_delay: '5s',
  wal_retrieve_retry_interval: '200ms',
  wal_receiver_status_interval: '1s',
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
}

/** Settings that older servers do not know, by the major version that brought them. */
const since: readonly (readonly [major: number, settings: Settings])[] = [[18, { io_method: 'sync' }]]

/** What a node of a major version is started with; `own` wins. */
export function nodeSettings(major: number, own: Settings = {}): Settings {
  const newer = since.filter(([from]) => major >= from).map(([, settings]) => settings)
  return Object.assign({}, base, ...newer, own) as Settings
}

/** Lines of postgresql.conf; where a name stands twice there, the later line holds. */
export function toConf(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`)
    .join('')
}
