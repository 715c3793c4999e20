// The API's own description, from the server that serves this page: forms are checked by it, and the explorer is
// made from it, so that both know what this very server can do.

import { useQuery } from '@tanstack/react-query'

/** A node of the schema: the part of JSON Schema that the API uses. */
export interface Node {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | 'null'
  description?: string
  $ref?: string
  anyOf?: Node[]
  enum?: (string | number)[]
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  items?: Node
  properties?: Record<string, Node>
  required?: string[]
  examples?: unknown[]
  'x-format'?: string
  'x-sensitive'?: boolean
}

export interface ActionSchema {
  description: string
  'x-group': string
  'x-changes': boolean
  'x-extension': boolean
  'x-region-required': boolean
  'x-requests-per-second': number
  'x-error-codes': string[]
  'x-example-request': unknown
  'x-example-response': unknown
  request: Node
  response: Node
}

export interface Schema {
  'x-service': string
  'x-version': string
  'x-regions': string[]
  'x-actions': Record<string, ActionSchema>
  'x-error-codes': Record<string, Record<string, string>>
  $defs: Record<string, Node>
}

async function load(): Promise<Schema> {
  const answer = await fetch('/schema.json', { credentials: 'omit' })
  if (!answer.ok) throw new Error(`schema.json: ${answer.status}`)
  return (await answer.json()) as Schema
}

export function useSchema(): Schema | undefined {
  return useQuery({ queryKey: ['schema'], queryFn: load, staleTime: Infinity, gcTime: Infinity }).data
}

/** Whether this server has the action; until the schema is there, not. */
export function useHasAction(name: string): boolean {
  return useSchema()?.['x-actions'][name] !== undefined
}

/** The node that a node stands for: references followed, "or null" left out. */
export function resolve(schema: Schema, node: Node): Node {
  const target = node.anyOf?.find((choice) => choice.type !== 'null') ?? node
  if (!target.$ref) return target
  return schema.$defs[target.$ref.replace('#/$defs/', '')] ?? {}
}

/** The node at `path` (`AdvancedSettings.BackupSettings.BackupInterval`) of a definition. */
export function nodeAt(schema: Schema, definition: string, path: string): Node | undefined {
  let node: Node | undefined = schema.$defs[definition]
  for (const name of path.split('.')) {
    const found: Node | undefined = node && resolve(schema, node).properties?.[name]
    if (!found) return undefined
    node = found
  }
  return node && { ...resolve(schema, node), ...(node.description ? { description: node.description } : {}) }
}
