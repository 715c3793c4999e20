// TDesign's button, always a button: a disabled one would be a bare box to screen readers and to forms.

import type { ComponentProps } from 'react'
import { Button as TButton } from 'tdesign-react/es/button'

export function Button(props: ComponentProps<typeof TButton>) {
  return <TButton {...props} tag="button" />
}
