// A form in a dialog, which closes once what was asked for has been accepted.

import { useId, type ReactNode } from 'react'
import { useT } from '../i18n'
import { Dialog } from './Dialog'
import { Failure } from './States'
import { Button } from './td'
import type { Form } from './useForm'

interface Props {
  title: string
  form: Form
  submit: string
  onClose: () => void
  children: ReactNode
}

export function FormDialog({ title, form, submit, onClose, children }: Props) {
  const t = useT()
  const id = useId()
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button variant="outline" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" form={id} theme="primary" loading={form.busy}>
            {submit}
          </Button>
        </>
      }
    >
      <form
        id={id}
        className="stack"
        noValidate
        onSubmit={async (event) => {
          if (await form.submit(event)) onClose()
        }}
      >
        {children}
        {form.error !== undefined && <Failure error={form.error} />}
      </form>
    </Dialog>
  )
}
