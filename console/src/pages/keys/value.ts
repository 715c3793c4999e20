// What a value is, and the ways to show it.

export interface View {
  name: 'json' | 'text' | 'hex'
  text: string
}

export interface Shown {
  kind: 'empty' | 'json' | 'text' | 'kubernetes' | 'binary'
  /** The fittest first. */
  views: View[]
}

/** Bytes a line of a dump. */
const LINE = 16
/** Lines of a dump that are drawn. */
const LINES = 1024
/** What the values of Kubernetes begin with. */
const KUBERNETES = [0x6b, 0x38, 0x73, 0x00]

/** The bytes of a value as DescribeEtcdKeys writes it. */
export function bytesOf(value: string, encoding: string): Uint8Array {
  if (encoding !== 'base64') return new TextEncoder().encode(value)
  return Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0))
}

export function shown(value: string, encoding: string): Shown {
  if (value === '') return { kind: 'empty', views: [] }
  const bytes = bytesOf(value, encoding)
  const hex: View = { name: 'hex', text: dump(bytes) }
  if (encoding === 'base64') {
    const kubernetes = KUBERNETES.every((byte, place) => bytes[place] === byte)
    return { kind: kubernetes ? 'kubernetes' : 'binary', views: [hex] }
  }
  const text: View = { name: 'text', text: value }
  const json = pretty(value)
  return json === undefined
    ? { kind: 'text', views: [text, hex] }
    : { kind: 'json', views: [{ name: 'json', text: json }, text, hex] }
}

/** JSON with a line for each member; only of objects and lists, since almost any word would be a value. */
function pretty(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return undefined
  }
}

/** `00000000  6b 38 73 00 …  |k8s.…|`, as hexdump -C writes it. */
export function dump(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let start = 0; start < bytes.length && lines.length < LINES; start += LINE) {
    const line = [...bytes.slice(start, start + LINE)]
    const digits = line.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const letters = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${start.toString(16).padStart(8, '0')}  ${digits.padEnd(3 * LINE - 1)}  |${letters}|`)
  }
  return lines.join('\n')
}
