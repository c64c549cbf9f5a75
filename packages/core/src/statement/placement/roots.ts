import { refusedRoots, type Obstacle, type Roots, type Source } from './model.ts'

const maxCandidates = 8

/**
 * The roots of a join. An inner join is linear in either side, an outer join only in the side it preserves (a row of
 * the other side changes what is filled with NULLs), a full join in neither alone.
 */
export function joinRoots(
  type: string,
  left: Roots,
  right: Roots,
  isTied: (a: Source, b: Source) => boolean,
): Roots {
  if (left.kind === 'replicated' && right.kind === 'replicated') return left
  if (type === 'JOIN_RIGHT') return outerRoots(right, left)
  if (type === 'JOIN_LEFT') return outerRoots(left, right)
  if (type === 'JOIN_FULL') return fullRoots(left, right, isTied)
  if (left.kind === 'replicated') return right
  if (right.kind === 'replicated') return left
  if (left.kind === 'refused') return right.kind === 'refused' ? left : withHint(right, left.obstacle)
  if (right.kind === 'refused') return withHint(left, right.obstacle)
  return {
    kind: 'located',
    candidates: [...left.candidates, ...right.candidates].slice(0, maxCandidates),
    hint: left.hint ?? right.hint,
  }
}

function outerRoots(preserved: Roots, nullable: Roots): Roots {
  if (preserved.kind === 'replicated') {
    return refusedRoots(
      'an outer join that keeps all rows of a reference table or of a subquery without a sharded table',
      'every shard would return those rows, also where another shard has the match',
      'Join from the sharded table, or use an inner join.',
    )
  }
  if (preserved.kind === 'refused' || nullable.kind === 'replicated') return preserved
  return withHint(preserved, nullable.kind === 'refused' ? nullable.obstacle : nullable.hint)
}

function fullRoots(left: Roots, right: Roots, isTied: (a: Source, b: Source) => boolean): Roots {
  if (left.kind === 'refused') return left
  if (right.kind === 'refused') return right
  if (left.kind === 'located' && right.kind === 'located') {
    for (const [a, ...others] of left.candidates) {
      if (a === undefined || others.length > 0) continue
      for (const [b, ...more] of right.candidates) {
        if (b === undefined || more.length > 0 || !isTied(a, b)) continue
        return { kind: 'located', candidates: [[a, b]], hint: undefined }
      }
    }
  }
  return refusedRoots(
    'FULL JOIN',
    'its two sides are not joined by equal shard keys, so every shard would keep rows whose match is elsewhere',
    'Join the sharded tables on their shard keys.',
  )
}

function withHint(roots: Extract<Roots, { kind: 'located' }>, hint: Obstacle | undefined): Roots {
  return { ...roots, hint: roots.hint ?? hint }
}

/** The roots of a UNION ALL: every branch has its own. */
export function unionRoots(left: Roots, right: Roots): Roots {
  if (left.kind === 'refused') return left
  if (right.kind === 'refused') return right
  if (left.kind === 'replicated' && right.kind === 'replicated') return left
  if (left.kind === 'replicated' || right.kind === 'replicated') {
    return refusedRoots(
      'a branch of a set operation without a sharded table',
      'every shard would return its rows once more',
      'Send the branches as two statements.',
    )
  }
  const candidates: (readonly Source[])[] = []
  for (const a of left.candidates) {
    for (const b of right.candidates) if (candidates.length < maxCandidates) candidates.push([...a, ...b])
  }
  return { kind: 'located', candidates, hint: left.hint ?? right.hint }
}
