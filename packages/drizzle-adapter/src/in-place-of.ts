/** `target` with some members replaced. It may have private fields, so its own methods get itself as `this`. */
export function inPlaceOf<T extends object>(target: T, replaced: Readonly<Record<string, unknown>>): T {
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === 'string' && Object.hasOwn(replaced, key)) return replaced[key]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' && key !== 'constructor' ? (value.bind(target) as unknown) : value
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  })
}
