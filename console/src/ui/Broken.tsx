// Where a view cannot be shown at all.

import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import { useT } from '../i18n'
import { Empty } from './States'
import { Button } from './td'

export function NotFound() {
  const t = useT()
  return (
    <main className="page">
      <Empty title={t('error.noPage')} action={<Link to="/instances">{t('instances.back')}</Link>} />
    </main>
  )
}

/** A fault of the page itself. */
export function Broken({ error }: ErrorComponentProps) {
  const t = useT()
  return (
    <main className="page">
      <Empty
        title={t('error.unexpected')}
        action={<Button onClick={() => location.reload()}>{t('common.reload')}</Button>}
      >
        <span className="mono small">{String(error)}</span>
      </Empty>
    </main>
  )
}
