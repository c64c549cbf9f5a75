import type { Catalog } from '../catalog.ts'
import type { KeySet, KeyValue } from '../key-set.ts'
import { keyFamilies, type KeyType } from '../key-type.ts'
import { bodyAs, castOf, constantOf, parameterOf, type Constant, type Node } from '../tree.ts'
import { elementTypeOfCast, isSameKind, typeOfCast } from './types.ts'

/**
 * The value an expression plainly is when PostgreSQL compares it with, or stores it as, a key of type `key`: a
 * parameter, a literal, or one of the two cast to a type of the key's own kind. Anything computed is undefined.
 */
export function readKeyValue(node: Node | undefined, key: KeyType, catalog: Catalog): KeyValue | undefined {
  const number = parameterOf(node)
  if (number !== undefined) return { source: 'parameter', number, type: key }
  const constant = constantOf(node)
  if (constant !== undefined) return readConstantKey(constant, key)
  const cast = castOf(node)
  if (cast === undefined) return undefined
  const type = typeOfCast(cast.type, catalog)
  if (type === undefined || !isSameKind(key, type)) return undefined
  return readKeyValue(cast.argument, type, catalog)
}

function readConstantKey(constant: Constant, key: KeyType): KeyValue | undefined {
  if (constant.kind === 'null') return { source: 'null' }
  // An untyped literal takes the key's own type.
  if (constant.kind === 'string') return { source: 'literal', text: constant.text, type: key }
  if (keyFamilies[key] !== 'integer') return undefined
  if (constant.kind === 'integer') return { source: 'literal', text: String(constant.value), type: 'int4' }
  if (constant.kind === 'numeric' && isInt8(constant.text)) {
    return { source: 'literal', text: constant.text, type: 'int8' }
  }
  return undefined
}

/** An integer literal beyond int4 is int8; beyond that it is numeric and compares as such. */
export function isInt8(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false
  const value = BigInt(text)
  return value === BigInt.asIntN(64, value)
}

/** The set of keys that `key = ANY (node)` allows; undefined when nothing is proved. */
export function readKeyArray(node: Node | undefined, key: KeyType, catalog: Catalog): KeySet | undefined {
  const number = parameterOf(node)
  if (number !== undefined) return { kind: 'array', value: { source: 'parameter', number, type: key } }
  const constant = constantOf(node)
  if (constant?.kind === 'null') return { kind: 'none' }
  if (constant?.kind === 'string') {
    return { kind: 'array', value: { source: 'literal', text: constant.text, type: key } }
  }
  const elements = bodyAs(node, 'A_ArrayExpr')
  if (elements !== undefined) return readKeyList(elements.elements ?? [], key, catalog)
  const cast = castOf(node)
  if (cast === undefined || !cast.type.isArray) return undefined
  const type = elementTypeOfCast(cast.type, catalog)
  if (type === undefined || !isSameKind(key, type)) return undefined
  return readKeyArray(cast.argument, type, catalog)
}

/** The set {elements}; undefined when one of them is not plain. */
export function readKeyList(elements: readonly Node[], key: KeyType, catalog: Catalog): KeySet | undefined {
  const values: KeyValue[] = []
  for (const element of elements) {
    const value = readKeyValue(element, key, catalog)
    if (value === undefined) return undefined
    if (value.source !== 'null') values.push(value)
  }
  return values.length === 0 ? { kind: 'none' } : { kind: 'values', values }
}
