import { describe, expect, test } from 'vitest'
import { dump, shown } from '../src/pages/keys/value'

describe('a value is shown as what it is', () => {
  test('JSON with a line for each member, as it is, and as bytes', () => {
    const { kind, views } = shown('{"a":[1]}', 'utf-8')
    expect(kind).toBe('json')
    expect(views.map((view) => view.name)).toEqual(['json', 'text', 'hex'])
    expect(views[0]!.text).toBe('{\n  "a": [\n    1\n  ]\n}')
  })
  test('words and numbers are text, and so is JSON that is none', () => {
    for (const text of ['hello', '12', 'true', '{"a":', '值']) expect(shown(text, 'utf-8').kind).toBe('text')
  })
  test('bytes as a dump, with a word for what Kubernetes writes', () => {
    expect(shown('azhzAAo=', 'base64').kind).toBe('kubernetes')
    const { kind, views } = shown('//4=', 'base64')
    expect([kind, views.length]).toEqual(['binary', 1])
    expect(views[0]!.text).toBe(`00000000  ff fe${' '.repeat(42)}  |..|`)
  })
  test('nothing where there is nothing', () => expect(shown('', 'utf-8')).toEqual({ kind: 'empty', views: [] }))
})

test('a dump has sixteen bytes a line, and an end', () => {
  expect(dump(new Uint8Array(17)).split('\n')).toHaveLength(2)
  expect(dump(new Uint8Array(17)).split('\n')[1]).toMatch(/^00000010 {2}00 /)
  expect(dump(new Uint8Array(1 << 20)).split('\n')).toHaveLength(1024)
})
