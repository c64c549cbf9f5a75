/** What decides how a value's text is read, besides the text. */
export interface KeySession {
  /** `TimeZone` of the sessions, when it is known and the same on every node. */
  readonly timeZone?: string | undefined
  /** `pg.defaults.parseInputDatesAsUTC`. Default false. */
  readonly areDatesSentAsUtc?: boolean | undefined
}
