// What destroys something is confirmed by typing its name.

import { useState, type FormEvent, type ReactNode } from 'react'
import { useT } from '../i18n'
import { Dialog } from './Dialog'
import { Field } from './Field'
import { Failure } from './States'
import { Input } from './Input'
import { Button } from './td'

interface Props {
  title: string
  /** What will be lost. */
  children: ReactNode
  /** What is to be typed; left out where a plain yes is enough. */
  name?: string
  action: string
  danger?: boolean
  /** It cannot be done now, whatever is typed. */
  disabled?: boolean
  onConfirm: () => Promise<unknown>
  onClose: () => void
}

export function Confirm({ title, children, name, action, danger = false, disabled = false, onConfirm, onClose }: Props) {
  const t = useT()
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const ready = !disabled && (name === undefined || typed.trim() === name)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await onConfirm()
      onClose()
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button variant="outline" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button
            theme={danger ? 'danger' : 'primary'}
            type="submit"
            form="confirm"
            disabled={!ready}
            loading={busy}
            data-testid="confirm"
          >
            {action}
          </Button>
        </>
      }
    >
      <form id="confirm" onSubmit={submit} className="stack">
        {children}
        {name !== undefined && (
          <Field label={t('confirm.type', { name })}>
            {(control) => (
              <Input {...control} value={typed} onChange={setTyped} autoComplete="off" spellCheck={false} autoFocus />
            )}
          </Field>
        )}
        {error !== undefined && <Failure error={error} />}
      </form>
    </Dialog>
  )
}
