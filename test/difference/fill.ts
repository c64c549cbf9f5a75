import type { Draw } from './draw.ts'

/** Makes one of a text's alternatives: `a ‹b¦c› d` becomes `a b d` or `a c d`; they nest. */
export function choose(draw: Draw, text: string): string {
  const start = text.indexOf('‹')
  if (start < 0) return text
  const alternatives: string[] = []
  let depth = 0
  let from = start + 1
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at]
    if (character === '‹') depth += 1
    else if (depth > 0 && character === '›') depth -= 1
    else if (depth === 0 && (character === '¦' || character === '›')) {
      alternatives.push(text.slice(from, at))
      from = at + 1
      if (character === '›') break
    }
  }
  return choose(draw, text.slice(0, start) + draw.pick(alternatives) + text.slice(from))
}
