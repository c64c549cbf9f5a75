import type { RouteContext, Router } from '@shardline/core'
import type { DescribedModel } from './described-models.ts'
import type { BatchGroup } from './operation-contexts.ts'

/**
 * Prisma answers several `findUnique` of one tick by one SELECT, or by a transaction when they do not fit into one. Both
 * are for one shard: so only those are merged that name the same shard key, or that need no key.
 */
export function batchGroups(router: Router, models: ReadonlyMap<string, DescribedModel>): BatchGroup {
  if (router.shards.length === 1) return () => ''
  return (request, context) => {
    if (context?.shard !== undefined) return ''
    const model = request.modelName === undefined ? undefined : models.get(request.modelName)
    if (model === undefined) return undefined
    if (model.keyField === undefined) return ''
    if (isPinned(model, context)) return ''
    return keyOf(request.protocolQuery.query.arguments?.['where'], model.keyField)
  }
}

function isPinned({ description }: DescribedModel, context: RouteContext | undefined): boolean {
  return description.strategy === 'tenant' && context?.tenant !== undefined
}

/** The field's value as text, wherever the unique condition has it: beside the others, or in a compound one. */
function keyOf(where: unknown, field: string): string | undefined {
  if (!isObject(where)) return undefined
  if (Object.hasOwn(where, field)) return scalarText(where[field])
  for (const condition of Object.values(where)) {
    if (isObject(condition) && Object.hasOwn(condition, field)) return scalarText(condition[field])
  }
  return undefined
}

/** Scalars that JSON does not have are objects with a `$type`; other objects are filters. */
function scalarText(value: unknown): string | undefined {
  if (isObject(value) && !Object.hasOwn(value, '$type')) return undefined
  return JSON.stringify(value)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
