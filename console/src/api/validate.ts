// Checks a request by the API's schema before it is sent: the same limits as the server's, found while typing.

import { resolve, type Node, type Schema } from './schema'

export type Rule =
  | 'required'
  | 'type'
  | 'tooShort'
  | 'tooLong'
  | 'range'
  | 'choice'
  | 'tooFew'
  | 'tooMany'
  | 'domains'
  | 'addresses'
  | 'retention'
  | 'control'
  | 'unknown'

/** One thing that is wrong. */
export interface Problem {
  /** Where: `AdvancedSettings.BackupSettings.BackupInterval`, `SubnetIds.0`. */
  path: string
  rule: Rule
  /** Figures for the message. */
  values: Record<string, string | number>
}

/** Everything that is wrong with `value` as the definition `name`, `[]` where nothing is. */
export function validate(schema: Schema, name: string, value: unknown): Problem[] {
  const definition = schema.$defs[name]
  const problems: Problem[] = []
  if (definition) check(schema, definition, value, '', problems)
  return problems
}

function check(schema: Schema, node: Node, value: unknown, path: string, problems: Problem[]): void {
  const target = resolve(schema, node)
  const add = (rule: Rule, values: Problem['values'] = {}) => problems.push({ path, rule, values })
  if (value === null && node.anyOf) return
  switch (target.type) {
    case 'object':
      if (!isObject(value)) return void add('type')
      return checkObject(schema, target, value, path, problems)
    case 'array':
      if (!Array.isArray(value)) return void add('type')
      if (value.length < (target.minItems ?? 0)) add('tooFew', { min: target.minItems! })
      if (target.maxItems != null && value.length > target.maxItems) add('tooMany', { max: target.maxItems })
      value.forEach((item, index) => check(schema, target.items ?? {}, item, join(path, String(index)), problems))
      return
    case 'string':
      if (typeof value !== 'string') return void add('type')
      return checkString(target, value, add)
    case 'integer':
      if (typeof value !== 'number' || !Number.isInteger(value)) return void add('type')
      if (target.enum && !target.enum.includes(value)) return void add('choice', { choices: target.enum.join(', ') })
      if (value < (target.minimum ?? -Infinity) || value > (target.maximum ?? Infinity))
        add('range', { min: target.minimum!, max: target.maximum! })
      return
    case 'boolean':
      if (typeof value !== 'boolean') add('type')
  }
}

function checkObject(
  schema: Schema,
  target: Node,
  value: Record<string, unknown>,
  path: string,
  problems: Problem[],
): void {
  for (const name of target.required ?? []) {
    const given = value[name]
    if (given === undefined || given === null || given === '')
      problems.push({ path: join(path, name), rule: 'required', values: {} })
  }
  for (const [name, given] of Object.entries(value)) {
    const property = target.properties?.[name]
    if (!property) problems.push({ path: join(path, name), rule: 'unknown', values: {} })
    else if (given !== undefined && !(given === '' && target.required?.includes(name)))
      check(schema, property, given, join(path, name), problems)
  }
}

type Add = (rule: Rule, values?: Problem['values']) => void

function checkString(target: Node, value: string, add: Add): void {
  if (target.enum) {
    if (!target.enum.includes(value)) add('choice', { choices: target.enum.join(', ') })
    return
  }
  // The server counts characters, not UTF-16 units.
  const length = [...value].length
  if (length < (target.minLength ?? 0)) add('tooShort', { min: target.minLength! })
  else if (target.maxLength != null && length > target.maxLength) add('tooLong', { max: target.maxLength })
  const format = target['x-format']
  if (value === '' || !format) return
  if (format.startsWith('domain') && !value.split(',').every((name) => isDomain(name.trim()))) add('domains')
  if (format.startsWith('IP') && !value.split(',').every((address) => isAddress(address.trim()))) add('addresses')
  if (format.startsWith('duration') && !isRetention(value)) add('retention')
}

function isDomain(name: string): boolean {
  const labels = name.replace(/^\*\./, '').split('.')
  return name.length <= 253 && labels.every((label) => /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(label))
}

function isAddress(text: string): boolean {
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255)
  // The browser's own parser knows what an IPv6 address is.
  return text.includes(':') && /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`)
}

/** A number above 0, or lengths of time in h, m, s, largest first. */
function isRetention(text: string): boolean {
  return /^(\d+|(?=\d)(\d+h)?(\d+m)?(\d+s)?)$/.test(text) && /[1-9]/.test(text)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name
}
