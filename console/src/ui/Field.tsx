// A labelled control with its hint and what is wrong with it, tied together for screen readers.

import { useId, type ReactNode } from 'react'
import type { Problem } from '../api/validate'
import { useT, type Key } from '../i18n'

export interface Control {
  id: string
  'aria-describedby'?: string
  'aria-invalid'?: boolean
  status?: 'error'
}

interface Props {
  label: string
  hint?: ReactNode
  required?: boolean
  problem?: Problem | undefined
  children: (control: Control) => ReactNode
}

export function Field({ label, hint, required = false, problem, children }: Props) {
  const t = useT()
  const id = useId()
  const described = [problem && `${id}-problem`, hint && `${id}-hint`].filter(Boolean).join(' ')
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {required && (
          <span className="required" aria-hidden="true">
            {' *'}
          </span>
        )}
      </label>
      {children({
        id,
        ...(described ? { 'aria-describedby': described } : {}),
        ...(problem ? { 'aria-invalid': true, status: 'error' as const } : {}),
      })}
      {problem && (
        <div id={`${id}-problem`} className="problem" role="alert">
          {t(`rule.${problem.rule}` as Key, problem.values)}
        </div>
      )}
      {hint && (
        <div id={`${id}-hint`} className="hint">
          {hint}
        </div>
      )}
    </div>
  )
}

/** A group of controls under one heading that screen readers announce. */
export function Group({ label, hint, problem, children }: Omit<Props, 'children'> & { children: ReactNode }) {
  const t = useT()
  return (
    <fieldset className="field">
      <legend>{label}</legend>
      {children}
      {problem && (
        <div className="problem" role="alert">
          {t(`rule.${problem.rule}` as Key, problem.values)}
        </div>
      )}
      {hint && <div className="hint">{hint}</div>}
    </fieldset>
  )
}
