// Who is signed in. The key pair lives as long as the tab: in sessionStorage, or in memory alone where the user wants
// that or the browser has no storage. It is sent nowhere; only signatures are.

import { useSyncExternalStore } from 'react'
import { forgetKey, type KeyPair } from './api/sign'

export interface Session extends KeyPair {
  region: string
}

/** Why nobody is signed in. */
export type SignedOut = 'never' | 'left' | 'refused'

const KEY = 'cetcd.session'
const REGION = 'cetcd.region'
const listeners = new Set<() => void>()
let session: Session | undefined = restore()
let kept = session !== undefined
let why: SignedOut = 'never'

function restore(): Session | undefined {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null')
    if (found && typeof found === 'object' && 'secretId' in found && 'secretKey' in found && 'region' in found) {
      return { secretId: String(found.secretId), secretKey: String(found.secretKey), region: String(found.region) }
    }
  } catch {
    // No storage, or not ours: nobody is signed in.
  }
  return undefined
}

function changed(): void {
  try {
    if (session && kept) sessionStorage.setItem(KEY, JSON.stringify(session))
    else sessionStorage.removeItem(KEY)
    if (session) localStorage.setItem(REGION, session.region)
  } catch {
    // Memory it is.
  }
  for (const listener of listeners) listener()
}

export function currentSession(): Session | undefined {
  return session
}

export function whySignedOut(): SignedOut {
  return why
}

/** The region of the last visit: a name, no secret. */
export function lastRegion(): string | undefined {
  try {
    return localStorage.getItem(REGION) ?? undefined
  } catch {
    return undefined
  }
}

/** Signs in; `keep` survives a reload of the tab. */
export function signIn(next: Session, keep: boolean): void {
  session = next
  kept = keep
  changed()
}

export function signOut(reason: SignedOut): void {
  if (!session) return
  session = undefined
  why = reason
  forgetKey()
  changed()
}

export function setRegion(region: string): void {
  if (!session || session.region === region) return
  session = { ...session, region }
  changed()
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useSession(): Session | undefined {
  return useSyncExternalStore(subscribe, currentSession)
}
