/** An older `pg`, by the types of this one. */
declare module 'pg-8-16' {
  export { default } from 'pg'
}
