/**
 * How decoded values compare. A decoded value is a number, a bigint or a string such that two values which are equal
 * in PostgreSQL are the same value here (`===`, with NaN equal to itself): it serves as a hash key too.
 */
export type Decoded = number | bigint | string

export type CompareDecoded = (left: Decoded, right: Decoded) => number

/** Numbers and bigints, mixed; NaN is greater than everything and equal to itself, as in PostgreSQL. */
export const compareNumbers: CompareDecoded = (left, right) => {
  if (left < right) return -1
  if (left > right) return 1
  if (left === right) return 0
  return Number(left !== left) - Number(right !== right)
}

/** Texts by UTF-16 units: right for ASCII and for what `sortableText` made. */
export const compareUnits: CompareDecoded = (left, right) => (left < right ? -1 : left > right ? 1 : 0)

const aboveBasicRange = /[\ud800-\uffff]/

/**
 * A text whose UTF-16 units sort as the code points of the original do, which is how memcmp sorts their UTF-8: surrogates
 * and the units above them change places.
 */
export function sortableText(text: string): string {
  if (!aboveBasicRange.test(text)) return text
  let sortable = ''
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    sortable += String.fromCharCode(unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)
  }
  return sortable
}

const notANumber = 'NaN'
const positiveInfinity = 'Infinity'
const negativeInfinity = '-Infinity'

/** The text of a numeric with trailing zeros of the fraction removed: equal numbers have equal texts. */
export function canonicalNumeric(text: string): string {
  if (!text.includes('.')) return text
  let end = text.length
  while (text.charCodeAt(end - 1) === 48) end--
  if (text.charCodeAt(end - 1) === 46) end--
  const canonical = text.slice(0, end)
  return canonical === '-0' ? '0' : canonical
}

/** Canonical numerics, exactly: by sign, by length of the integer part, then digit by digit. */
export const compareNumerics: CompareDecoded = (left, right) => {
  if (left === right) return 0
  if (typeof left !== 'string' || typeof right !== 'string') return compareNumbers(left, right)
  if (left === notANumber) return 1
  if (right === notANumber) return -1
  if (left === positiveInfinity || right === negativeInfinity) return 1
  if (right === positiveInfinity || left === negativeInfinity) return -1
  const isLeftNegative = left.charCodeAt(0) === 45
  const isRightNegative = right.charCodeAt(0) === 45
  if (isLeftNegative !== isRightNegative) return isLeftNegative ? -1 : 1
  return isLeftNegative ? compareMagnitudes(right, left, 1) : compareMagnitudes(left, right, 0)
}

function compareMagnitudes(left: string, right: string, start: number): number {
  const leftPoint = left.indexOf('.', start)
  const rightPoint = right.indexOf('.', start)
  const leftInteger = leftPoint === -1 ? left.length : leftPoint
  const rightInteger = rightPoint === -1 ? right.length : rightPoint
  if (leftInteger !== rightInteger) return leftInteger - rightInteger
  const length = Math.min(left.length, right.length)
  for (let index = start; index < length; index++) {
    const difference = left.charCodeAt(index) - right.charCodeAt(index)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
