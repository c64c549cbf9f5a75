import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

test('docs/errors.md lists every code, once, under its family', () => {
  const source = readFileSync(join(root, 'packages/core/src/errors.ts'), 'utf8')
  const declared = /export type ErrorCode =\n([^]*?)\n\n/.exec(source)?.[1] ?? ''
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const listed = [...page.matchAll(/^## .*`(\w+)`$|^\| `([A-Z_]+)` /gm)]
  expect(listed.length).toBeGreaterThan(1)
  expect(inOrder(listed)).toEqual(inOrder([...declared.matchAll(/^ {2}\/\/ (\w+)$|^ {2}\| '([A-Z_]+)'/gm)]))
})

/** `family CODE` of every code, by the nearest family above it. */
function inOrder(found: readonly RegExpExecArray[]): readonly string[] {
  let family = ''
  return found
    .flatMap(([, heading, code]) => {
      family = heading ?? family
      return code === undefined ? [] : [`${family} ${code}`]
    })
    .toSorted()
}
