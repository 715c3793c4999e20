// The API's types, which `make console` writes.

export type * from './actions.gen'
export type * from './structures.gen'
