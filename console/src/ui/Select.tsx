// The browser's own select, in TDesign's clothes: it works by keyboard, on phones and with screen readers.

import type { SelectHTMLAttributes } from 'react'

export interface Choice {
  value: string
  label: string
  disabled?: boolean
}

interface Props extends Omit<SelectHTMLAttributes<HTMLSelectElement>, 'onChange'> {
  choices: Choice[]
  onChange: (value: string) => void
  status?: 'error'
}

export function Select({ choices, onChange, status, ...rest }: Props) {
  return (
    <select
      {...rest}
      className={status ? 'select select-error' : 'select'}
      onChange={(event) => onChange(event.target.value)}
    >
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value} disabled={choice.disabled}>
          {choice.label}
        </option>
      ))}
    </select>
  )
}
