import type { Candidate } from './candidate.ts'

/**
 * Filters take candidates and give back those that pass, in their order; when all pass, the very same list, so that
 * the common case allocates nothing and later steps can recognise it.
 */
export function keep<C extends Candidate>(
  candidates: readonly C[],
  isKept: (candidate: C) => boolean,
): readonly C[] {
  for (let index = 0; index < candidates.length; index++) {
    if (!isKept(candidates[index] as C)) return candidates.filter(isKept)
  }
  return candidates
}

/** Nodes tagged for the workload; without a workload, all of them. */
export function taggedFor<C extends Candidate>(
  candidates: readonly C[],
  workload: string | undefined,
): readonly C[] {
  if (workload === undefined) return candidates
  return keep(candidates, ({ node }) => node.tags.includes(workload))
}

/** Nodes of the zone; all of them when no zone is preferred or none is there. */
export function nearest<C extends Candidate>(
  candidates: readonly C[],
  zone: string | undefined,
): readonly C[] {
  if (zone === undefined || candidates.length < 2) return candidates
  const near = keep(candidates, ({ node }) => node.zone === zone)
  return near.length === 0 ? candidates : near
}
