// Light, dark, or as the system has it.

import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'cetcd.theme'
const listeners = new Set<() => void>()
const dark = matchMedia('(prefers-color-scheme: dark)')
let current: Theme = initial()

function initial(): Theme {
  try {
    const chosen = localStorage.getItem(KEY)
    if (chosen === 'light' || chosen === 'dark') return chosen
  } catch {
    // As the system has it.
  }
  return 'system'
}

export function applyTheme(): void {
  const isDark = current === 'dark' || (current === 'system' && dark.matches)
  document.documentElement.setAttribute('theme-mode', isDark ? 'dark' : 'light')
}

dark.addEventListener('change', applyTheme)

export function setTheme(next: Theme): void {
  current = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // It holds for this visit.
  }
  applyTheme()
  for (const listener of listeners) listener()
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => current,
  )
}

/** Whether the page is dark now: canvases do not follow the style sheet by themselves. */
export function useIsDark(): boolean {
  const theme = useTheme()
  const system = useSyncExternalStore(
    (listener) => {
      dark.addEventListener('change', listener)
      return () => dark.removeEventListener('change', listener)
    },
    () => dark.matches,
  )
  return theme === 'dark' || (theme === 'system' && system)
}
