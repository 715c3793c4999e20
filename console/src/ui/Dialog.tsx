// A modal dialog: the browser's own, which keeps the focus inside, closes by Escape and gives the focus back.

import { useId, useLayoutEffect, useRef, type ReactNode } from 'react'
import { useT } from '../i18n'
import { Button } from './td'

interface Props {
  title: string
  onClose: () => void
  children: ReactNode
  footer?: ReactNode
  wide?: boolean
}

export function Dialog({ title, onClose, children, footer, wide = false }: Props) {
  const t = useT()
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  // Closed before it leaves the page: only then does the focus go back.
  useLayoutEffect(() => {
    const dialog = element.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={element}
      className={wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose()
      }}
    >
      <div className="dialog-body">
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
      <div className="dialog-footer">
        {footer ?? (
          <Button variant="outline" onClick={onClose}>
            {t('common.close')}
          </Button>
        )}
      </div>
    </dialog>
  )
}
