import { closest } from './closest.ts'

export type Placement = 'tenant' | 'entity' | 'time' | 'reference' | 'unsharded'

/** One `@shardline.…` of a documentation comment, its grammar checked; what it names is not. */
export interface Annotation {
  readonly kind: Placement | 'routable'
  /** Fields in parentheses, in order. */
  readonly fields: readonly string[]
  readonly options: ReadonlyMap<string, string>
}

/** What each annotation takes, and how it is written on a model. */
const grammar: Readonly<Record<Annotation['kind'], { options: readonly string[]; example: string }>> = {
  tenant: { options: ['group', 'guard'], example: '@shardline.tenant(tenantId)' },
  entity: { options: ['group'], example: '@shardline.entity(entityId)' },
  time: { options: ['every', 'group'], example: '@shardline.time(recordedAt, every: month)' },
  reference: { options: [], example: '@shardline.reference' },
  unsharded: { options: [], example: '@shardline.unsharded' },
  routable: { options: [], example: '@shardline.routable(id)' },
}

const kinds = Object.keys(grammar) as Annotation['kind'][]
/** `@shardline/…` is a package; in backquotes or inside a word it is prose. */
const mark = /(?<![^\s])@shardline(?![\w/-])/i
const shape = /^@shardline\.(\w+)(?:\(([^()]*)\))?$/

export function exampleOf(kind: Annotation['kind']): string {
  return grammar[kind].example
}

/** How many lines of a text hold an annotation. */
export function countAnnotations(text: string): number {
  return text.split('\n').filter((line) => mark.test(line)).length
}

/**
 * Reads the annotations of one documentation comment: one a line, alone on it.
 * `issue` is told of each line that is no annotation and looks like one: left out silently, its table would be unsharded.
 */
export function parseAnnotations(
  documentation: string | undefined,
  issue: (message: string) => void,
): readonly Annotation[] {
  const annotations: Annotation[] = []
  for (const written of (documentation ?? '').split('\n')) {
    const line = written.trim()
    if (!mark.test(line)) continue
    const [, name, parameters] = shape.exec(line) ?? []
    if (name === undefined) {
      issue(
        `"${line}" is no annotation. Write it alone on its line, as in ${exampleOf('tenant')} or ${exampleOf('time')}`,
      )
      continue
    }
    const kind = kinds.find((each) => each === name)
    if (kind === undefined) {
      issue(`there is no @shardline.${name}${meant(name, kinds)}. There are ${kinds.join(', ')}`)
      continue
    }
    const annotation = withParameters(kind, parameters ?? '', (message) =>
      issue(`@shardline.${kind}: ${message}`),
    )
    if (annotation !== undefined) annotations.push(annotation)
  }
  return annotations
}

function withParameters(
  kind: Annotation['kind'],
  written: string,
  issue: (message: string) => void,
): Annotation | undefined {
  const fields: string[] = []
  const options = new Map<string, string>()
  const parts = written.trim() === '' ? [] : written.split(',').map((part) => part.trim())
  for (const part of parts) {
    const [, name, value] = /^(?:(\w+)\s*:\s*)?"?([\w.-]+)"?$/.exec(part) ?? []
    const problem = problemOf(kind, { part, name, value }, options)
    if (problem !== undefined || value === undefined) {
      issue(problem ?? usage(kind))
      return undefined
    }
    if (name === undefined) fields.push(value)
    else options.set(name, value)
  }
  return { kind, fields, options }
}

interface Parameter {
  readonly part: string
  readonly name: string | undefined
  readonly value: string | undefined
}

function problemOf(
  kind: Annotation['kind'],
  { part, name, value }: Parameter,
  options: ReadonlyMap<string, string>,
): string | undefined {
  const known = grammar[kind].options
  if (value === undefined) return `"${part}" is neither a field nor an option. ${usage(kind)}`
  if (name === undefined) return undefined
  if (!known.includes(name)) return `there is no option "${name}"${meant(name, known)}. ${usage(kind)}`
  return options.has(name) ? `option "${name}" is given twice` : undefined
}

function usage(kind: Annotation['kind']): string {
  const { options, example } = grammar[kind]
  return `Write ${example}${options.length === 0 ? '' : `; options: ${options.join(', ')}`}`
}

/** ` (did you mean …?)`, when one of the known names is close. */
export function meant(name: string, known: readonly string[]): string {
  const found = closest(name, known)
  return found === undefined ? '' : ` (did you mean ${found}?)`
}
