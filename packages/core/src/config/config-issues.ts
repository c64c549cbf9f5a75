import type { z } from 'zod'
import { ConfigError } from '../errors.ts'

/** One thing that is wrong with a cluster description. */
export interface ConfigIssue {
  /** `shards.eu0.replicas[1].url` */
  readonly path: string
  readonly message: string
}

/** What the schema found, without a word of the input. */
export function issuesOf(error: z.ZodError): ConfigIssue[] {
  return error.issues.map((issue) => ({ path: pathText(issue.path), message: messageOf(issue) }))
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    return `unknown option${issue.keys.length === 1 ? '' : 's'} ${issue.keys.map((key) => `"${key}"`).join(', ')}`
  }
  // A malformed key is reported on the record; its own message says what is wrong with it.
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message
  return issue.message
}

function pathText(path: readonly PropertyKey[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? String(step) : `.${String(step)}`
  }
  return text
}

/** CONFIG_INVALID with all of them, one on a line. */
export function invalidCluster(issues: readonly ConfigIssue[]): ConfigError {
  const lines = issues.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`)
  return new ConfigError(
    'CONFIG_INVALID',
    `The cluster description has ${issues.length === 1 ? 'a problem' : `${issues.length} problems`}:\n${lines.join('\n')}`,
    { details: { issues } },
  )
}
