import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { format, translateWord } from '../src/i18n'
import { en } from '../src/i18n/en'
import { zh } from '../src/i18n/zh'

const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort()
const keys = Object.keys(en) as (keyof typeof en)[]
const src = fileURLToPath(new URL('../src', import.meta.url))
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith('i18n'))
  .map((name) => readFileSync(join(src, name), 'utf8'))
  .join('\n')

describe('the two tables', () => {
  test('have the same keys in the same order', () => expect(Object.keys(zh)).toEqual(keys))

  test('have what begins alike in one file, so that no file takes the place of a text of another', () => {
    const folder = join(src, 'i18n/en')
    const home = new Map<string, string>()
    for (const file of readdirSync(folder))
      for (const [, prefix] of readFileSync(join(folder, file), 'utf8').matchAll(/^  '(\w+)\./gm))
        expect(home.set(prefix!, home.get(prefix!) ?? file).get(prefix!), prefix).toBe(file)
  })

  test('have a text for each key, with the same figures', () => {
    for (const key of keys) {
      expect(en[key], key).not.toBe('')
      expect(zh[key], key).not.toBe('')
      expect(places(zh[key]), key).toEqual(places(en[key]))
    }
  })

  test('differ wherever there are words', () => {
    const same = keys.filter((key) => en[key] === zh[key])
    expect(same).toEqual(['column.vpc'])
  })

  test('have no key that nobody uses', () => {
    // What is made from the server's words, or from a list in the code, is found by its prefix.
    const made = /^(status|member|role|state|task|step|condition|advice|origin|proof|region|rule|theme|metric|metrics|chart|retention|event|level)\.|^keys\.(kind|view)\.|^create\.(cluster|network|options|review)$/
    const unused = keys.filter((key) => !made.test(key) && !sources.includes(`'${key}'`))
    expect(unused).toEqual([])
  })
})

test('figures are filled in, and what is not given stays to be seen', () => {
  expect(format('{a} of {b}', { a: 1 })).toBe('1 of {b}')
})

test("a word that the table does not know is shown as the server's", () => {
  expect(translateWord('en', 'status', 'running')).toBe('Running')
  expect(translateWord('zh', 'status', 'brand-new')).toBe('brand-new')
})
