// What a page shows while there is nothing to show: loading, empty, failed; each says the next step.

import type { ReactNode } from 'react'
import { ApiError, NetworkError } from '../api/client'
import { useT, type Key } from '../i18n'
import { Alert } from './Notice'
import { Button, Loading } from './td'

export function Waiting() {
  const t = useT()
  return (
    <div className="state" role="status">
      <Loading size="small" text={t('common.loading')} />
    </div>
  )
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  )
}

/** What to do about an error code, by its first part or as a whole. */
const NEXT: Record<string, Key> = {
  OperationDenied: 'next.denied',
  ResourceNotFound: 'next.gone',
  UnsupportedOperation: 'next.unsupported',
  InvalidAction: 'next.unsupported',
  LimitExceeded: 'next.limit',
  RequestLimitExceeded: 'next.rate',
  InternalError: 'next.internal',
  ResourceUnavailable: 'next.unavailable',
  InvalidParameter: 'next.input',
  InvalidParameterValue: 'next.input',
  MissingParameter: 'next.input',
  AuthFailure: 'next.auth',
  UnauthorizedOperation: 'next.auth',
}

/** An error with its code, its next step and the RequestId to ask about. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useT()
  const again = retry && (
    <Button size="small" variant="outline" onClick={retry}>
      {t('common.retry')}
    </Button>
  )
  if (error instanceof ApiError) {
    const next = NEXT[error.code] ?? NEXT[error.code.split('.')[0] ?? '']
    return (
      <Alert theme="error" role="alert" operation={again} message={
        <>
          <div>{error.message}</div>
          {next && <div>{t(next)}</div>}
          <div className="quiet mono small">
            {error.code}
            {error.requestId && ` · ${error.requestId}`}
          </div>
        </>
      } />
    )
  }
  const away = error instanceof NetworkError
  return (
    <Alert theme="error" role="alert" operation={again} message={
      <>
        <div>{t(away ? 'error.away' : 'error.unexpected')}</div>
        {!away && <div className="quiet mono small">{String(error)}</div>}
      </>
    } />
  )
}
