// A remark in a box, and how urgently it is read aloud. TDesign's brings its icons, which write their style into the
// page: the page's policy refuses that.

import type { ReactNode } from 'react'

interface Props {
  theme: 'info' | 'success' | 'warning' | 'error'
  message: ReactNode
  role?: 'alert' | 'status'
  operation?: ReactNode
}

export function Alert({ theme, message, role, operation }: Props) {
  return (
    <div className={`notice notice-${theme}`} role={role}>
      <div>{message}</div>
      {operation}
    </div>
  )
}
