import type { ModelMap } from '../model-map.ts'

/**
 * The file that applications import: TypeScript, or JavaScript with its types in comments. Models stand in the order of
 * their names, so that the file changes only when what it says does.
 */
export function renderModels(models: ModelMap, language: 'ts' | 'js'): string {
  const entries = Object.entries(models)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, model]) => `  ${name}: ${JSON.stringify(model)},\n`)
  const body = entries.length === 0 ? '{}' : `{\n${entries.join('')}}`
  const head =
    '// Written by shardline-prisma-generator from the annotations of the Prisma schema. Do not edit.\n'
  if (language === 'js')
    return `${head}\n/** @satisfies {import('@shardline/prisma-extension').ModelMap} */\nexport const shardlineModels = /** @type {const} */ (${body})\n`
  return `${head}import type { ModelMap } from '@shardline/prisma-extension'\n\nexport const shardlineModels = ${body} as const satisfies ModelMap\n`
}
