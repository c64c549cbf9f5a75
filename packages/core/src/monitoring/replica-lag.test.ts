import { describe, expect, it } from 'vitest'
import { Marks, ReplicaLag } from './replica-lag.ts'

const at = (lsn: number, timeline = 1) => ({ timeline, lsn: BigInt(lsn) })

function marksOf(...marks: readonly (readonly [askedAt: number, lsn: number, timeline?: number])[]): Marks {
  const all = new Marks()
  for (const [askedAt, lsn, timeline] of marks) all.add({ askedAt, position: at(lsn, timeline) })
  return all
}

describe('ReplicaLag', () => {
  it('knows nothing before both sides have answered', () => {
    const lag = new ReplicaLag()
    expect(lag.lagMs(5)).toBe(Number.POSITIVE_INFINITY)
    lag.replayed(at(100), new Marks())
    expect(lag.lagMs(5)).toBe(Number.POSITIVE_INFINITY)
    lag.compare(marksOf([2, 100]))
    expect(lag.lagMs(5)).toBe(3)
  })

  it('counts from the youngest mark that was reached, not from the youngest one', () => {
    const lag = new ReplicaLag()
    lag.replayed(at(199), marksOf([0, 50], [10, 100], [20, 200], [30, 300]))
    expect(lag.lagMs(40)).toBe(30)
  })

  it('does not grow older while an idle primary repeats its position', () => {
    const marks = marksOf([0, 100])
    const lag = new ReplicaLag()
    lag.replayed(at(100), marks)
    for (let askedAt = 10; askedAt <= 10_000; askedAt += 10) marks.add({ askedAt, position: at(100) })
    lag.compare(marks)
    expect(lag.lagMs(10_005)).toBe(5)
  })

  it('grows older while the primary goes on and the replica does not', () => {
    const marks = marksOf([0, 100])
    const lag = new ReplicaLag()
    for (let askedAt = 10; askedAt <= 1_000; askedAt += 10) {
      marks.add({ askedAt, position: at(100 + askedAt) })
      lag.replayed(at(100), marks)
    }
    expect(lag.lagMs(1_000)).toBe(1_000)
  })

  it('takes no position of another timeline for one that was reached', () => {
    const lag = new ReplicaLag()
    lag.replayed(at(10_000, 1), marksOf([0, 100, 2]))
    expect(lag.lagMs(1)).toBe(Number.POSITIVE_INFINITY)
    lag.replayed(at(100, 2), marksOf([0, 100, 2]))
    expect(lag.lagMs(1)).toBe(1)
  })

  it('forgets also where the replica stood', () => {
    const lag = new ReplicaLag()
    const marks = marksOf([0, 100])
    lag.replayed(at(100), marks)
    lag.forget()
    lag.compare(marks)
    expect(lag.lagMs(1)).toBe(Number.POSITIVE_INFINITY)
  })
})
