/** PostgreSQL's numeric: an exact decimal with a display scale, or one of three special values. */
export type Decimal =
  | { readonly kind: 'finite'; readonly unscaled: bigint; readonly scale: number }
  | { readonly kind: 'NaN' | 'Infinity' | '-Infinity' }

const notANumber: Decimal = { kind: 'NaN' }

/** Reads what a server sends for numeric and integer types, or a number as SQL spells it; undefined for anything else. */
export function readDecimal(text: string): Decimal | undefined {
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return { kind: text }
  const match = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,4}))?$/.exec(text)
  if (match === null) return undefined
  const [, sign = '', integer = '', fraction = '', exponent = '0'] = match
  if (integer === '' && fraction === '') return undefined
  const magnitude = BigInt(integer + fraction)
  const unscaled = sign === '-' ? -magnitude : magnitude
  const scale = fraction.length - Number(exponent)
  if (scale >= 0) return { kind: 'finite', unscaled, scale }
  return { kind: 'finite', unscaled: unscaled * 10n ** BigInt(-scale), scale: 0 }
}

export function printDecimal(value: Decimal): string {
  if (value.kind !== 'finite') return value.kind
  const sign = value.unscaled < 0n ? '-' : ''
  const digits = (value.unscaled < 0n ? -value.unscaled : value.unscaled)
    .toString()
    .padStart(value.scale + 1, '0')
  if (value.scale === 0) return sign + digits
  return `${sign}${digits.slice(0, -value.scale)}.${digits.slice(-value.scale)}`
}

/** The sum with the larger scale of both; as `sum(numeric)` treats NaN and the infinities. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  if (left.kind !== 'finite' || right.kind !== 'finite') {
    if (left.kind === 'finite') return right
    if (right.kind === 'finite' || left.kind === right.kind) return left
    return notANumber
  }
  const scale = Math.max(left.scale, right.scale)
  return { kind: 'finite', unscaled: scaledTo(left, scale) + scaledTo(right, scale), scale }
}

type Finite = Extract<Decimal, { kind: 'finite' }>

function scaledTo(value: Finite, scale: number): bigint {
  return value.unscaled * 10n ** BigInt(scale - value.scale)
}

/** The sign of left - right; NaN is greatest. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.kind === 'finite' && right.kind === 'finite') {
    const scale = Math.max(left.scale, right.scale)
    const a = scaledTo(left, scale)
    const b = scaledTo(right, scale)
    return a < b ? -1 : a > b ? 1 : 0
  }
  return specialRank(left) - specialRank(right)
}

function specialRank(value: Decimal): number {
  if (value.kind === 'finite') return 0
  return value.kind === '-Infinity' ? -1 : value.kind === 'Infinity' ? 1 : 2
}

/** A sum divided by a positive count with the very digits `avg` gives: numeric_div with its choice of scale. */
export function divideByCount(sum: Decimal, count: bigint): Decimal {
  if (sum.kind !== 'finite') return sum
  const scale = divisionScale(sum, { kind: 'finite', unscaled: count, scale: 0 })
  const shift = scale - sum.scale
  const dividend = shift >= 0 ? sum.unscaled * 10n ** BigInt(shift) : sum.unscaled
  const divisor = shift >= 0 ? count : count * 10n ** BigInt(-shift)
  return { kind: 'finite', unscaled: divideRounding(dividend, divisor), scale }
}

/** Half away from zero, as round_var does. */
export function divideRounding(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n
  const magnitude = isNegative ? -dividend : dividend
  const quotient = (2n * magnitude + divisor) / (2n * divisor)
  return isNegative ? -quotient : quotient
}

/** select_div_scale of numeric.c: at least 16 significant digits, never less than the scale of either side. */
function divisionScale(dividend: Finite, divisor: Finite): number {
  const left = leadingDigit(dividend)
  const right = leadingDigit(divisor)
  const weight = left.weight - right.weight - (left.digit <= right.digit ? 1 : 0)
  const scale = Math.max(16 - weight * 4, dividend.scale, divisor.scale, 0)
  return Math.min(scale, 1000)
}

/** The first non-zero digit in base 10,000, and its place: PostgreSQL's numerics are made of such digits. */
function leadingDigit(value: Finite): { readonly weight: number; readonly digit: number } {
  const text = (value.unscaled < 0n ? -value.unscaled : value.unscaled).toString()
  if (text === '0') return { weight: 0, digit: 0 }
  const weight = Math.floor((text.length - value.scale - 1) / 4)
  const leading = text.length - value.scale - weight * 4
  return { weight, digit: Number(text.slice(0, leading).padEnd(leading, '0')) }
}
