import { describe, expect, it } from 'vitest'
import { ownPosition } from './own-position.ts'

describe('the position of an error in a rewritten text', () => {
  const own = "select '🛒', status from orders where id = 'x' order by id"
  const sent = "select '🛒', status, id from orders where id = 'x' order by id limit 5"
  const at = (text: string, part: string) => String(Array.from(text.slice(0, text.indexOf(part))).length + 1)
  const moved = (position: string, [from, to] = [own, sent]) =>
    ownPosition({ position }, from, to).position as string | undefined

  it('is the same where the texts begin alike', () => {
    expect(moved(at(sent, 'status'))).toBe(at(own, 'status'))
  })

  it('is counted from the end where the texts end alike', () => {
    const longer = sent.replace(' limit 5', '')
    expect(moved(at(longer, "'x'"), [own, longer])).toBe(at(own, "'x'"))
  })

  it('is none in between', () => {
    expect(moved(at(sent, 'id from'))).toBeUndefined()
    expect(moved(at(sent, 'limit'))).toBeUndefined()
  })

  it('is left alone in a text that was sent as it is, and where there is none', () => {
    expect(moved('7', [own, own])).toBe('7')
    expect(ownPosition({ code: '57014' }, own, sent)).toEqual({ code: '57014' })
    expect(ownPosition('no error', own, sent)).toBe('no error')
  })
})
