// States, always in words beside their colour.

import { useT } from '../i18n'

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle'

const INSTANCE: Record<string, Tone> = {
  running: 'good',
  creating: 'busy',
  updating: 'busy',
  resizing: 'busy',
  upgrading: 'busy',
  restoring: 'busy',
  deleting: 'busy',
  abnormal: 'bad',
  isolated: 'warn',
}
const MEMBER: Record<string, Tone> = {
  Running: 'good',
  Learner: 'busy',
  Pending: 'busy',
  Unhealthy: 'bad',
  Stopped: 'idle',
}
const STATE: Record<string, Tone> = {
  process: 'busy',
  running: 'busy',
  done: 'good',
  success: 'good',
  failed: 'bad',
  pending: 'idle',
}

const TONES = { status: INSTANCE, member: MEMBER, state: STATE }

/** A state of the API's: of an instance, a member, or a task and its steps. */
export function Status({ of, value }: { of: keyof typeof TONES; value: string }) {
  const t = useT()
  const tone: Tone = TONES[of][value] ?? 'idle'
  return (
    <span className={`status status-${tone}`} data-status={value}>
      {t.word(of, value)}
    </span>
  )
}
