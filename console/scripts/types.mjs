// Turns the API's JSON schema into TypeScript: node scripts/types.mjs SCHEMA OUT
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const HEAD = '// Written by `make console` from `cetcd api schema`: what this page knows of the API. Do not edit.\n'

/** The type of a schema node. */
function type(node) {
  if (node.$ref) return node.$ref.replace('#/$defs/', '')
  if (node.anyOf) return node.anyOf.map(type).join(' | ')
  // Lists of values may grow with the server: the page takes any, and checks forms by the schema itself.
  if (node.enum) return typeof node.enum[0]
  switch (node.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return node.type
    case 'integer':
    case 'number':
      return 'number'
    case 'array': {
      const item = type(node.items)
      return item.includes('|') ? `(${item})[]` : `${item}[]`
    }
    default:
      throw new Error(`no type for ${JSON.stringify(node)}`)
  }
}

/** All types, one property a line: what is compared with a server is compared line by line. */
export function generate(schema) {
  const out = [HEAD]
  for (const [name, definition] of Object.entries(schema.$defs).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const properties = Object.entries(definition.properties)
    if (properties.length === 0) {
      out.push(`export type ${name} = Record<string, never>\n`)
      continue
    }
    const lines = properties.map(([key, node]) => {
      const optional = definition.required.includes(key) ? '' : '?'
      return `  ${key}${optional}: ${type(node)}\n`
    })
    out.push(`export interface ${name} {\n${lines.join('')}}\n`)
  }
  const actions = Object.keys(schema['x-actions']).sort()
  const lines = actions.map((name) => `  ${name}: { request: ${name}Request; response: ${name}Response }\n`)
  out.push(`export interface Actions {\n${lines.join('')}}\n`)
  return out.join('\n')
}

/** What `known` (types of this page) has and `served` (types of a server) has not, or has otherwise. */
export function missing(known, served) {
  const blocks = (text) =>
    new Map([...text.matchAll(/^export (?:interface|type) (\w+) (?:= .*|\{\n([\s\S]*?)^\})/gm)].map((m) => [m[1], m[2] ?? '']))
  const there = blocks(served)
  const problems = []
  for (const [name, lines] of blocks(known)) {
    if (!there.has(name)) {
      problems.push(name)
      continue
    }
    const have = new Set(there.get(name).split('\n'))
    for (const line of lines.split('\n')) if (line && !have.has(line)) problems.push(`${name}: ${line.trim()}`)
  }
  return problems
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [schema, out] = process.argv.slice(2)
  writeFileSync(out, generate(JSON.parse(readFileSync(schema, 'utf8'))))
}
