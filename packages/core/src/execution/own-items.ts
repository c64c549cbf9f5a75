import { shortenList, type ShortText } from '../statement/shorten-list.ts'
import type { DealtKeys } from '../routing/deal-keys.ts'
import type { KeyList } from '../statement/key-list.ts'
import type { MergePlan } from '../statement/merge-plan.ts'

/** The text that the shards are sent, before each gets its own items. */
export interface SentText {
  readonly text: string
  /** What became of the application's parameters in it; undefined when they are as they were. */
  readonly parameters: MergePlan['parameters']
}

export interface OwnItems {
  readonly text: string
  readonly values: readonly unknown[]
}

/** A list in the text that is sent. */
interface SentList {
  readonly items: readonly (readonly number[])[]
  /** By the number of items; undefined where it cannot be shortened. */
  readonly texts: Map<number, ShortText | undefined>
}

/** `once` for a list that was met a single time, which is not worth its shortening. */
const lists = new WeakMap<KeyList, SentList | 'once'>()

/**
 * Gives each shard the statement with only its own items of the longest list, `key IN ($1, $2, …)`; undefined where it
 * has to be sent whole.
 *
 * How many items a shard has differs from run to run, and every number is a text of its own, to be prepared on its own. So
 * there are texts for few numbers only, and the last items repeat one that is there: that a key is listed twice means
 * nothing.
 */
export function createOwnItems(
  { text, parameters }: SentText,
  keys: readonly DealtKeys[],
): ((shard: string, values: readonly unknown[]) => OwnItems | undefined) | undefined {
  const dealt = longest(keys)
  const sentList = dealt === undefined ? undefined : listOf(dealt.list, parameters)
  if (dealt === undefined || sentList === undefined) return undefined
  const { items, texts } = sentList
  return (shard, values) => {
    const indices = dealt.byShard.get(shard)
    const size = textSize(indices?.length ?? items.length)
    if (indices === undefined || size >= items.length) return undefined
    let short = texts.get(size)
    if (short === undefined && !texts.has(size)) {
      short = shortenList(text, { items, parameterCount: values.length }, size)
      texts.set(size, short)
    }
    return short === undefined
      ? undefined
      : { text: short.text, values: valuesOf(short, { items, indices, size }, values) }
  }
}

interface ItemsOfShard {
  readonly items: SentList['items']
  readonly indices: readonly number[]
  readonly size: number
}

function valuesOf(
  { numbers }: ShortText,
  { items, indices, size }: ItemsOfShard,
  values: readonly unknown[],
): readonly unknown[] {
  const own = [...values]
  for (let place = 0; place < size; place++) {
    // A shard without any is asked for another reason than this list, which is true for none of its rows.
    const item = items[indices[place] ?? indices[0] ?? 0] ?? []
    for (const [at, number] of (items[place] ?? []).entries()) own[number - 1] = values[(item[at] ?? 0) - 1]
  }
  return numbers.map((number) => own[number - 1])
}

function longest(keys: readonly DealtKeys[]): DealtKeys | undefined {
  let found: DealtKeys | undefined
  for (const dealt of keys) {
    if (dealt.list.kind !== 'items') continue
    if (found === undefined || dealt.list.parameters.length > found.list.parameters.length) found = dealt
  }
  return found
}

function listOf(list: KeyList, parameters: SentText['parameters']): SentList | undefined {
  const known = lists.get(list)
  if (known === undefined) lists.set(list, 'once')
  if (known !== 'once') return known
  const sent = new Map<number, number>()
  for (const [index, parameter] of (parameters ?? []).entries()) {
    if (parameter.kind === 'original') sent.set(parameter.number, index + 1)
  }
  const items: number[][] = []
  for (let start = 0; start < list.parameters.length; start += list.width) {
    const numbers = list.parameters.slice(start, start + list.width)
    items.push(parameters === undefined ? numbers : numbers.map((number) => sent.get(number) ?? 0))
  }
  const found: SentList = { items, texts: new Map() }
  lists.set(list, found)
  return found
}

/** 1, 2, 3, 4, 6, 8, 12, 16, 24, …: two in every doubling, a sixth of them repetitions on average. */
function textSize(count: number): number {
  if (count <= 1) return 1
  const power = 2 ** Math.floor(Math.log2(count - 1))
  return count <= power * 1.5 ? power * 1.5 : power * 2
}
