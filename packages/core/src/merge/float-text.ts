/**
 * PostgreSQL's text of float8 and float4 at its default `extra_float_digits`: the shortest digits that read back as the
 * same value, laid out by to_chars in d2s.c and f2s.c (scientific below 1e-4 and from 1e15, for float4 from 1e6).
 */
export function printFloat8(value: number): string {
  return layOut(value, shortestFloat8(value), 15)
}

export function printFloat4(value: number): string {
  return layOut(value, shortestFloat4(value), 6)
}

/** Digits and exponent of `d.ddd × 10^exponent`, without sign. */
interface Digits {
  readonly digits: string
  readonly exponent: number
}

function layOut(value: number, { digits, exponent }: Digits, scientificFrom: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  if (value === 0) return `${sign}0`
  if (exponent < -4 || exponent >= scientificFrom) {
    const mantissa = digits.length === 1 ? digits : `${digits.charAt(0)}.${digits.slice(1)}`
    const magnitude = Math.abs(exponent).toString().padStart(2, '0')
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0')
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}

function readDigits(scientific: string): Digits {
  const [mantissa = '0', exponent = '0'] = scientific.split('e')
  return { digits: mantissa.replace(/[-.]/g, '').replace(/(?<=.)0+$/, ''), exponent: Number(exponent) }
}

/**
 * JavaScript accepts digits that lie exactly half way to the neighbour when they would be rounded back (even mantissa);
 * PostgreSQL's Ryu does not. Only integers from 2^53 on have such short half-way points.
 */
function shortestFloat8(value: number): Digits {
  const shortest = readDigits(value.toExponential())
  if (!Number.isFinite(value) || Math.abs(value) < 2 ** 53 || !isHalfWay(value, shortest)) return shortest
  for (let precision = shortest.digits.length + 1; precision <= 17; precision++) {
    const longer = value.toExponential(precision - 1)
    const digits = readDigits(longer)
    if (Number(longer) === value && !isHalfWay(value, digits)) return digits
  }
  return shortest
}

function isHalfWay(value: number, { digits, exponent }: Digits): boolean {
  const magnitude = Math.abs(value)
  const zeros = exponent + 1 - digits.length
  if (zeros < 0) return false
  const printed = BigInt(digits) * 10n ** BigInt(zeros)
  const distance = 2n * (printed - BigInt(magnitude))
  if (distance === 0n) return false
  const neighbour = distance > 0n ? nextFloat8(magnitude, 1n) : nextFloat8(magnitude, -1n)
  return Number.isFinite(neighbour) && distance === BigInt(neighbour) - BigInt(magnitude)
}

const view = new DataView(new ArrayBuffer(8))

function nextFloat8(magnitude: number, step: 1n | -1n): number {
  view.setFloat64(0, magnitude)
  view.setBigUint64(0, view.getBigUint64(0) + step)
  return view.getFloat64(0)
}

/** The fewest digits that lie strictly between the half-way points to both neighbours, and the closest of those. */
function shortestFloat4(value: number): Digits {
  const magnitude = Math.abs(value)
  if (!Number.isFinite(value) || magnitude === 0) return { digits: '0', exponent: 0 }
  view.setFloat32(0, magnitude)
  const bits = view.getUint32(0)
  view.setUint32(0, bits - 1)
  const lower = (magnitude + view.getFloat32(0)) / 2
  view.setUint32(0, bits + 1)
  const next = view.getFloat32(0)
  const upper = Number.isFinite(next) ? (magnitude + next) / 2 : Infinity
  for (let precision = 1; precision < 9; precision++) {
    const text = magnitude.toExponential(precision - 1)
    const read = Number(text)
    if (read > lower && read < upper && Math.fround(read) === magnitude) return readDigits(text)
  }
  return readDigits(magnitude.toExponential(8))
}
