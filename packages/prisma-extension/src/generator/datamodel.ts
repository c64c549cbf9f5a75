/**
 * The part of Prisma's DMMF that is read here. Its own types come with a helper that Prisma calls internal; this much of
 * them has been the same from 6.19 to 7.10, and a test per version reads it.
 */
export interface Datamodel {
  readonly models: readonly DatamodelModel[]
  readonly enums: readonly { readonly name: string; readonly documentation?: string }[]
  /** Composite types, which PostgreSQL does not have. */
  readonly types: readonly DatamodelModel[]
}

export interface DatamodelModel {
  readonly name: string
  /** `@@map` */
  readonly dbName: string | null
  /** `@@schema` */
  readonly schema?: string | null
  readonly fields: readonly DatamodelField[]
  readonly documentation?: string
}

export interface DatamodelField {
  readonly name: string
  readonly kind: string
  readonly type: string
  readonly isRequired: boolean
  readonly isList: boolean
  readonly isUpdatedAt?: boolean
  /** A function is `{ name, args }`; a value or a list of them stands for itself. */
  readonly default?: unknown
  /** `@map` */
  readonly dbName?: string | null
  /** `@db.Timestamptz(6)` is `['Timestamptz', ['6']]`. */
  readonly nativeType?: readonly [string, readonly string[]] | null
  /** The scalar fields that a relation field is stored in. */
  readonly relationFromFields?: readonly string[]
  readonly documentation?: string
}
