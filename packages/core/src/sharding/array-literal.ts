/**
 * The elements of a one-dimensional array in PostgreSQL's text form; undefined for anything else, such as nested
 * arrays, explicit bounds and malformed text. Quoted and unquoted elements become their text, NULL becomes null.
 */
export function readArrayLiteral(text: string): (string | null)[] | undefined {
  const body = text.replace(edgeSpace, '')
  if (!body.startsWith('{') || !body.endsWith('}') || body.length < 2) return undefined
  const elements: (string | null)[] = []
  let position = 1
  const last = body.length - 1
  if (body.slice(1, last).replace(edgeSpace, '') === '') return elements
  for (;;) {
    elementForm.lastIndex = position
    const match = elementForm.exec(body)
    if (match === null) return undefined
    const [whole, quoted, bare] = match
    if (quoted !== undefined) elements.push(quoted.replace(escape, '$1'))
    else if (bare === undefined) return undefined
    else elements.push(bare.toLowerCase() === 'null' ? null : bare)
    position += whole.length
    if (position === last) return elements
    if (body.charCodeAt(position) !== 44) return undefined
    position++
  }
}

const edgeSpace = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g
const escape = /\\([\s\S])/g
const elementForm =
  /[ \t\n\v\f\r]*(?:"((?:[^"\\]|\\[\s\S])*)"|([^ \t\n\v\f\r"\\{},](?:[^"\\{},]*[^ \t\n\v\f\r"\\{},])?))[ \t\n\v\f\r]*/y
