import type { Candidate, SelectionEnvironment } from './candidate.ts'

/** How one of several equally suitable nodes is picked. */
export type Balance = 'round-robin' | 'weighted' | 'least-in-flight' | 'p2c'

/** The index of the picked candidate; the list has at least two. */
export type Pick = (candidates: readonly Candidate[]) => number

/** A fresh picker: round-robin and weighted remember where they are. */
export function createPick(balance: Balance, environment: SelectionEnvironment): Pick {
  switch (balance) {
    case 'round-robin':
      return roundRobin()
    case 'weighted':
      return smoothWeighted()
    case 'least-in-flight':
      return leastInFlight(environment.random)
    case 'p2c':
      return powerOfTwoChoices(environment)
  }
}

function roundRobin(): Pick {
  let next = 0
  return (candidates) => {
    next = (next + 1) % 0x3fff_ffff
    return next % candidates.length
  }
}

/**
 * Smooth weighted round-robin (nginx, 2012): each turn everyone gains its weight, the richest is picked and pays
 * the sum. Weights 5, 1, 1 give a b a c a a…-like runs instead of five times the same node in a row.
 */
function smoothWeighted(): Pick {
  const credits = new Map<string, { value: number }>()
  return (candidates) => {
    let sum = 0
    let best = 0
    let bestCredit: { value: number } | undefined
    for (let index = 0; index < candidates.length; index++) {
      const { name, weight } = at(candidates, index).node
      let credit = credits.get(name)
      if (credit === undefined) credits.set(name, (credit = { value: 0 }))
      credit.value += weight
      sum += weight
      if (bestCredit !== undefined && credit.value <= bestCredit.value) continue
      best = index
      bestCredit = credit
    }
    if (bestCredit !== undefined) bestCredit.value -= sum
    return best
  }
}

/** Ties are broken by chance, or an idle cluster would send everything to its first replica. */
function leastInFlight(random: () => number): Pick {
  return (candidates) => {
    const start = Math.floor(random() * candidates.length)
    let best = start
    for (let step = 1; step < candidates.length; step++) {
      const index = (start + step) % candidates.length
      if (at(candidates, index).load.inFlight < at(candidates, best).load.inFlight) best = index
    }
    return best
  }
}

/**
 * Power of two choices (Mitzenmacher 2001) over peak EWMA: compare two at random and take the cheaper one. Many
 * routers that all knew the one best node would overrun it together; two random ones spread them and still avoid
 * the slow.
 */
function powerOfTwoChoices({ now, random }: SelectionEnvironment): Pick {
  return (candidates) => {
    const count = candidates.length
    const first = Math.floor(random() * count)
    const second = (first + 1 + Math.floor(random() * (count - 1))) % count
    const time = now()
    return at(candidates, second).load.cost(time) < at(candidates, first).load.cost(time) ? second : first
  }
}

export function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new RangeError(`no candidate ${index} of ${list.length}`)
  return item
}
