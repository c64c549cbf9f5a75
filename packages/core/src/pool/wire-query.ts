import type pg from 'pg'

/** One statement as it goes to a server: the text is final, nothing is decided any more. */
export interface WireQuery {
  /** Pass the plan's own string where there is one: its hash is known, so looking up its name is cheap. */
  readonly text: string
  readonly values?: readonly unknown[] | undefined
  readonly rowMode?: 'array' | undefined
  readonly types?: pg.CustomTypesConfig | undefined
  /** A name that the application gave; such a statement is prepared under it, and never healed or evicted. */
  readonly name?: string | undefined
  readonly binary?: boolean | undefined
  readonly queryMode?: 'extended' | undefined
  /**
   * True for a single plannable statement (SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES): it gets a name of its
   * own from its second use on. Default false: sent as `pg` would send it.
   */
  readonly mayPrepare?: boolean | undefined
  /**
   * True for a single SELECT that is proved to be a read and to leave no session state: it may share a connection, and be
   * run again unseen. Default false.
   */
  readonly mayShare?: boolean | undefined
  /**
   * Statements without parameters that go ahead in the same packet (BEGIN, SET, SAVEPOINT): their results are dropped,
   * and the first error among them is this statement's error. The statement itself is then sent without a name.
   */
  readonly preface?: readonly string[] | undefined
  /**
   * Milliseconds until QUERY_TIMEOUT; the server is told to cancel and the connection is destroyed. Default: the
   * client configuration's `query_timeout`, or none.
   */
  readonly timeoutMs?: number | undefined
  /** Cancels on the server; the statement then fails with the signal's reason, and the connection lives on. */
  readonly signal?: AbortSignal | undefined
}
