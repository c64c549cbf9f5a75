import { z } from 'zod'

/** Where a node is, as far as its description tells: two nodes with the same address are one server described twice. */
export interface NodeAddress {
  readonly host: string
  readonly port: number
  readonly database: string
}

/** A connection string as `pg` takes it. The messages say what is wrong and never what was given: it holds a password. */
export const connectionUrl = z
  .string({ error: 'expected a connection string' })
  .superRefine((value, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: undefined })
    if (value.trim() === '')
      return refuse('expected a connection string, and found an empty one. Is the environment variable set?')
    if (value.startsWith('/') || value.startsWith('socket:')) return undefined
    const url = parseUrl(value)
    if (url === undefined)
      return refuse(
        `no connection string can be read from this. Expected ${form}; percent-encode special characters of the password.`,
      )
    const encoding = url.searchParams.get('client_encoding')
    if (encoding !== null && !/^utf-?8$/i.test(encoding)) {
      return refuse('its client_encoding is not UTF8: keys are hashed as UTF-8, as `pg` sends them')
    }
    if (url.searchParams.has('binary'))
      return refuse('it asks for binary results, which cannot be merged: remove "binary"')
    return undefined
  })

const form = 'postgres://user:password@host:5432/database'

function parseUrl(value: string): URL | undefined {
  if (!/^postgres(ql)?:\/\//i.test(value)) return undefined
  // `pg` takes strings with spaces, and with no host before the path.
  const spaced = / |%[^a-f0-9]|%[a-f0-9][^a-f0-9]/i.test(value)
    ? encodeURI(value).replaceAll(/%25(\d\d)/g, '%$1')
    : value
  for (const candidate of [spaced, spaced.replace('@/', '@localhost/')]) {
    if (URL.canParse(candidate)) return new URL(candidate)
  }
  return undefined
}

/** The address in a connection string that has been validated; undefined for sockets. */
export function addressInUrl(value: string): Partial<NodeAddress> | undefined {
  const url = parseUrl(value)
  if (url === undefined) return undefined
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname)
  const port = url.searchParams.get('port') ?? url.port
  const database = decodeURIComponent(url.pathname.slice(1))
  return {
    ...(host !== '' && { host }),
    ...(port !== '' && { port: Number(port) }),
    ...(database !== ''
      ? { database }
      : url.username !== '' && { database: decodeURIComponent(url.username) }),
  }
}

/** True when the string sets `options` itself, which `pg` lets go before every other setting of them. */
export function hasOptionsInUrl(value: string): boolean {
  return parseUrl(value)?.searchParams.has('options') ?? false
}
