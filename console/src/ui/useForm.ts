// A form that sends one action: checked by the server's own schema while it is filled in.

import { useState, type FormEvent } from 'react'
import { useChange } from '../api/queries'
import { useSchema } from '../api/schema'
import { validate, type Problem } from '../api/validate'

export interface Form {
  /** What is wrong at `path`, once it makes sense to say so: a field that was not reached yet is not "missing". */
  problem: (path: string) => Problem | undefined
  /** Everything that is wrong. */
  problems: Problem[]
  submit: (event?: FormEvent) => Promise<boolean>
  /** Whether what is missing is shown, too. */
  reveal: (missing: boolean) => void
  busy: boolean
  error: unknown
  /** The last request was accepted. */
  done: boolean
}

export function useForm(action: string, request: Record<string, unknown>, onDone?: (answer: Record<string, unknown>) => void): Form {
  const schema = useSchema()
  const change = useChange()
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [accepted, setAccepted] = useState<string>()
  const problems = schema ? validate(schema, `${action}Request`, request) : []
  const submit = async (event?: FormEvent) => {
    event?.preventDefault()
    setTried(true)
    if (busy) return false
    if (problems.length > 0) {
      focusFirstProblem()
      return false
    }
    setBusy(true)
    setError(undefined)
    try {
      const answer = await change(action, request)
      setAccepted(JSON.stringify(request))
      setTried(false)
      onDone?.(answer)
      return true
    } catch (failure) {
      setError(failure)
      return false
    } finally {
      setBusy(false)
    }
  }
  return {
    problem: (path) =>
      problems.find(
        (problem) => (problem.path === path || problem.path.startsWith(`${path}.`)) && (tried || problem.rule !== 'required'),
      ),
    problems,
    submit,
    reveal: setTried,
    busy,
    error,
    done: accepted !== undefined && accepted === JSON.stringify(request),
  }
}

export function focusFirstProblem(): void {
  // After React has marked them.
  requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
}

/** A number field's text as a number; what is no number stays text, for the check to find. */
export function numberOf(text: string): number | string | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed
}

/** Leaves out what is not set, so that the server's defaults hold. */
export function given<T extends Record<string, unknown>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')) as Partial<T>
}
