import { describe, expect, it } from 'vitest'
import { SetAside } from './set-aside.ts'

describe('SetAside', () => {
  it('doubles the pause with every failure after a pause, up to 5 s', () => {
    const node = new SetAside()
    let now = 1_000
    const pauses: (number | undefined)[] = []
    for (let failure = 0; failure < 8; failure++) {
      const pause = node.failed(now)
      pauses.push(pause)
      now += pause ?? 0
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
    expect(node.isAvailable).toBe(false)
  })

  it('does not count the echoes of one failure', () => {
    const node = new SetAside()
    expect(node.failed(0)).toBe(100)
    expect(node.failed(50)).toBeUndefined()
    expect(node.failed(99)).toBeUndefined()
    expect(node.failed(100)).toBe(200)
  })

  it('stays aside when its time is up, until it was reached', () => {
    const node = new SetAside()
    node.failed(0)
    expect(node.isAvailable).toBe(false)
    node.succeeded()
    expect(node.isAvailable).toBe(true)
    expect(node.failed(1)).toBe(100)
  })
})
