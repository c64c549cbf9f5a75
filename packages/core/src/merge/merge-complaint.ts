/**
 * What PostgreSQL would have complained about, had it put together itself what the merge does: an overflow that no shard
 * meets alone. Whoever speaks for the server makes its error of it.
 */
export class MergeComplaint extends Error {
  override readonly name = 'MergeComplaint'
  /** SQLSTATE. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const numericValueOutOfRange = '22003'
const datetimeFieldOverflow = '22008'
const featureNotSupported = '0A000'

/** `integer out of range` and the like. */
export function outOfRange(type: string): MergeComplaint {
  return new MergeComplaint(numericValueOutOfRange, `${type} out of range`)
}

export function floatOverflow(): MergeComplaint {
  return new MergeComplaint(numericValueOutOfRange, 'value out of range: overflow')
}

export function intervalOutOfRange(): MergeComplaint {
  return new MergeComplaint(datetimeFieldOverflow, 'interval out of range')
}

/** NaN and the infinities have no integer. */
export function noInteger(value: 'NaN' | 'infinity', type: string): MergeComplaint {
  return new MergeComplaint(featureNotSupported, `cannot convert ${value} to ${type}`)
}
