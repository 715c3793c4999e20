import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { callAs } from '../api/client'
import { canSign } from '../api/sign'
import { useT } from '../i18n'
import { lastRegion, signIn, whySignedOut } from '../session'
import { Field } from '../ui/Field'
import { Brand, Preferences } from '../ui/Shell'
import { Failure } from '../ui/States'
import { Alert } from '../ui/Notice'
import { Input } from '../ui/Input'
import { Button, Checkbox } from '../ui/td'

const DEFAULT_REGION = 'ap-guangzhou'

export function SignInPage() {
  const t = useT()
  const navigate = useNavigate()
  const { next } = useSearch({ from: '/sign-in' })
  const [secretId, setSecretId] = useState('')
  const [secretKey, setSecretKey] = useState('')
  const [region, setRegion] = useState(() => lastRegion() ?? DEFAULT_REGION)
  const [keep, setKeep] = useState(true)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const ready = secretId.trim() !== '' && secretKey.trim() !== '' && region.trim() !== ''

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready || busy) return
    setBusy(true)
    setError(undefined)
    const pair = { secretId: secretId.trim(), secretKey: secretKey.trim() }
    try {
      // Any action would do: it is refused unless the pair is right and the region is served.
      await callAs({ ...pair, region: region.trim() }, 'DescribeEtcdRegions', {})
      signIn({ ...pair, region: region.trim() }, keep)
      await navigate({ href: next ?? '/instances', replace: true })
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }

  return (
    <div className="sign-in">
      <header className="header">
        <Brand />
        <div className="header-end">
          <Preferences />
        </div>
      </header>
      <main>
        <form className="card stack" onSubmit={submit}>
          <h1>{t('signIn.title')}</h1>
          <p className="quiet">{t('signIn.intro')}</p>
          {!canSign() && <Alert theme="error" message={t('signIn.insecure')} />}
          {whySignedOut() === 'refused' && !error && <Alert theme="warning" message={t('signIn.refused')} />}
          <Field label="SecretId">
            {(control) => (
              <Input
                {...control}
                value={secretId}
                onChange={setSecretId}
                autoComplete="username"
                spellCheck={false}
                autoFocus
              />
            )}
          </Field>
          <Field label="SecretKey" hint={t('signIn.where')}>
            {(control) => (
              <Input
                {...control}
                type="password"
                value={secretKey}
                onChange={setSecretKey}
                autoComplete="current-password"
              />
            )}
          </Field>
          <Field label={t('nav.region')}>
            {(control) => <Input {...control} value={region} onChange={setRegion} spellCheck={false} />}
          </Field>
          <Checkbox checked={keep} onChange={setKeep}>
            {t('signIn.keep')}
          </Checkbox>
          {error !== undefined && <Failure error={error} />}
          <Button type="submit" theme="primary" block loading={busy} disabled={!ready || !canSign()}>
            {t('signIn.submit')}
          </Button>
        </form>
      </main>
    </div>
  )
}
