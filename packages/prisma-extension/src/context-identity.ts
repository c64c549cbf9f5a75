import type { RouteContext } from '@shardline/core'

const numbers = new WeakMap<object, number>()
let last = 0

/** Equal text for contexts that mean the same. For grouping in this process only: it holds the tenant. */
export function contextIdentity(context: RouteContext | undefined): string {
  if (context === undefined) return ''
  const parts: string[] = []
  for (const [name, value] of Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value !== undefined) parts.push(`${name}:${typeof value}:${identity(value)}`)
  }
  return parts.length === 0 ? '' : JSON.stringify(parts)
}

function identity(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  let number = numbers.get(value)
  if (number === undefined) numbers.set(value, (number = ++last))
  return String(number)
}
