// Turns the API's JSON schema into TypeScript: node scripts/types.mjs SCHEMA FOLDER
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** The text of one type, one property a line: what is compared with a server is compared line by line. */
function declaration(name, { properties, required }) {
  const lines = Object.entries(properties).map(([key, node]) => {
    const optional = required.includes(key) ? '' : '?'
    return `  ${key}${optional}: ${type(node)}\n`
  })
  return lines.length === 0
    ? `export type ${name} = Record<string, never>\n`
    : `export interface ${name} {\n${lines.join('')}}\n`
}

/** All types, by the file that they go to: what actions take and give, and the structures in that. */
export function generate(schema) {
  const actions = Object.keys(schema['x-actions']).sort()
  const ofActions = new Set(actions.flatMap((name) => [`${name}Request`, `${name}Response`]))
  const all = Object.entries(schema.$defs).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = (wanted) => all.filter(([name]) => ofActions.has(name) === wanted).map((one) => declaration(...one))
  const [structures, taken] = [text(false), text(true)]
  const used = all.map(([name]) => name).filter((name) => !ofActions.has(name) && new RegExp(`\\b${name}\\b`).test(taken.join('')))
  const imported = `import type {\n${used.map((name) => `  ${name},\n`).join('')}} from './structures.gen'\n`
  const lines = actions.map((name) => `  ${name}: { request: ${name}Request; response: ${name}Response }\n`)
  return {
    'structures.gen.ts': [HEAD, ...structures].join('\n'),
    'actions.gen.ts': [HEAD, imported, ...taken, `export interface Actions {\n${lines.join('')}}\n`].join('\n'),
  }
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
  const [schema, folder] = process.argv.slice(2)
  for (const [name, text] of Object.entries(generate(JSON.parse(readFileSync(schema, 'utf8'))))) {
    writeFileSync(join(folder, name), text)
  }
}
