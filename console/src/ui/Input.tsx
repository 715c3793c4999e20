// The browser's own fields in TDesign's clothes: TDesign's hand what labels and screen readers need to a wrapper.

import type { InputHTMLAttributes, TextareaHTMLAttributes } from 'react'

interface Own {
  value: string
  onChange: (value: string) => void
  status?: 'error'
}

type InputProps = Own & Omit<InputHTMLAttributes<HTMLInputElement>, keyof Own>
type TextareaProps = Own & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, keyof Own>

function classes(status: Own['status'], className: string | undefined): string {
  return ['input', status && 'input-error', className].filter(Boolean).join(' ')
}

export function Input({ onChange, status, className, ...rest }: InputProps) {
  return <input {...rest} className={classes(status, className)} onChange={(event) => onChange(event.target.value)} />
}

export function Textarea({ onChange, status, className, ...rest }: TextareaProps) {
  return (
    <textarea {...rest} className={classes(status, className)} onChange={(event) => onChange(event.target.value)} />
  )
}
