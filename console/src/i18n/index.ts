// Two languages, one list of keys: the Chinese table has the type of the English one, so that neither lacks a text.

import { useSyncExternalStore } from 'react'
import { en } from './en'
import { zh } from './zh'

export type Language = 'en' | 'zh'
export type Key = keyof typeof en
export type Table = Record<Key, string>

const KEY = 'cetcd.language'
const tables: Record<Language, Table> = { en, zh }
const listeners = new Set<() => void>()
let current: Language = initial()

function initial(): Language {
  try {
    const chosen = localStorage.getItem(KEY)
    if (chosen === 'en' || chosen === 'zh') return chosen
  } catch {
    // The browser's own language, then.
  }
  return globalThis.navigator?.language?.startsWith('zh') ? 'zh' : 'en'
}

export function language(): Language {
  return current
}

export function setLanguage(next: Language): void {
  current = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // It holds for this visit.
  }
  announce()
  for (const listener of listeners) listener()
}

/** Tells the document, and who reads it aloud, which language it is in. */
export function announce(): void {
  document.documentElement.lang = current === 'zh' ? 'zh-CN' : 'en'
}

export function useLanguage(): Language {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, language)
}

/** Fills `{name}` in a text. */
export function format(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

export function translate(language: Language, key: Key, values?: Record<string, string | number>): string {
  return format(tables[language][key], values)
}

/** The text of a key that is made from what the server says; the word itself where there is none. */
export function translateWord(language: Language, prefix: string, word: string): string {
  const table: Record<string, string | undefined> = tables[language]
  return table[`${prefix}.${word}`] ?? word
}

export interface Translate {
  (key: Key, values?: Record<string, string | number>): string
  /** `word('status', 'running')`: a word of the server's. */
  word: (prefix: string, word: string) => string
  language: Language
}

export function useT(): Translate {
  const language = useLanguage()
  const t = ((key, values) => translate(language, key, values)) as Translate
  t.word = (prefix, word) => translateWord(language, prefix, word)
  t.language = language
  return t
}
