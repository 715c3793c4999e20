// What every page is in: where one can go, where one is, who one is.

import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect } from 'react'
import { NetworkError } from '../api/client'
import { useLive } from '../api/live'
import { useInstances, useRead } from '../api/queries'
import { setLanguage, useT } from '../i18n'
import { setRegion, signOut, useSession, whySignedOut } from '../session'
import { setTheme, useTheme, type Theme } from '../theme'
import { Select } from './Select'
import { Button } from './td'

const THEMES: Theme[] = ['system', 'light', 'dark']

/** Language and colours: they are there before anybody has signed in, too. */
export function Preferences() {
  const t = useT()
  const theme = useTheme()
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
  return (
    <>
      <Button
        variant="text"
        size="small"
        onClick={() => setTheme(next)}
        aria-label={t('theme.label', { now: t(`theme.${theme}`) })}
      >
        {t(`theme.${theme}`)}
      </Button>
      <Button
        variant="text"
        size="small"
        lang={t.language === 'zh' ? 'en' : 'zh-CN'}
        onClick={() => setLanguage(t.language === 'zh' ? 'en' : 'zh')}
      >
        {t.language === 'zh' ? 'English' : '中文'}
      </Button>
    </>
  )
}

export function Brand() {
  return (
    <span className="brand">
      <img src="/favicon.svg" alt="" width="20" height="20" />
      cetcd
    </span>
  )
}

export function Shell() {
  const t = useT()
  const session = useSession()
  useLive()
  const navigate = useNavigate()
  const here = useRouterState({ select: (state) => state.location.href })
  useEffect(() => {
    if (session) return
    void navigate({ to: '/sign-in', search: whySignedOut() === 'refused' ? { next: here } : {} })
  }, [session, navigate, here])
  if (!session) return null
  return (
    <>
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      <header className="header">
        <Link to="/instances" className="home" aria-label={t('nav.home')}>
          <Brand />
        </Link>
        <nav aria-label={t('nav.label')}>
          <Link to="/instances">{t('nav.instances')}</Link>
          <Link to="/tasks">{t('nav.tasks')}</Link>
          <Link to="/audit" search={{}}>
            {t('nav.audit')}
          </Link>
          <Link to="/explorer">{t('nav.explorer')}</Link>
        </nav>
        <div className="header-end">
          <RegionSelect region={session.region} />
          <Preferences />
          <Button variant="text" size="small" onClick={() => signOut('left')} title={session.secretId}>
            {t('nav.signOut')}
          </Button>
        </div>
      </header>
      <Away />
      <main id="main" className="page" tabIndex={-1}>
        <Outlet />
      </main>
    </>
  )
}

function RegionSelect({ region }: { region: string }) {
  const t = useT()
  const navigate = useNavigate()
  const regions = useRead('DescribeEtcdRegions', {}, { staleTime: Infinity }).data?.Regions ?? []
  const names = regions.map((known) => known.RegionName ?? '').filter(Boolean)
  const choices = (names.includes(region) ? names : [region, ...names]).map((name) => ({
    value: name,
    label: t.word('region', name) === name ? name : `${t.word('region', name)} (${name})`,
  }))
  return (
    <Select
      aria-label={t('nav.region')}
      value={region}
      choices={choices}
      onChange={(next) => {
        setRegion(next)
        void navigate({ to: '/instances' })
      }}
    />
  )
}

/** Says that what is shown may be old. */
function Away() {
  const t = useT()
  const { error } = useInstances()
  if (!(error instanceof NetworkError)) return null
  return (
    <div className="banner" role="alert">
      {t('error.away')}
    </div>
  )
}
