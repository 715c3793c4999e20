// One change of an instance: what it does, its fields, what came of it.

import { useId, type ReactNode } from 'react'
import { useT } from '../i18n'
import { Failure } from './States'
import { Alert } from './Notice'
import { Button } from './td'
import type { Form } from './useForm'

interface Props {
  title: string
  hint: ReactNode
  form: Form
  submit: string
  disabled?: boolean
  children: ReactNode
}

export function FormCard({ title, hint, form, submit, disabled = false, children }: Props) {
  const t = useT()
  const id = useId()
  return (
    <form className="card form-card" aria-labelledby={id} onSubmit={(event) => void form.submit(event)} noValidate>
      <div>
        <h2 id={id}>{title}</h2>
        <p className="quiet">{hint}</p>
      </div>
      <div className="stack">
        {children}
        {form.error !== undefined && <Failure error={form.error} />}
        {form.done && <Alert theme="success" role="status" message={t('form.accepted')} />}
        <div>
          <Button type="submit" variant="outline" theme="primary" loading={form.busy} disabled={disabled}>
            {submit}
          </Button>
        </div>
      </div>
    </form>
  )
}
