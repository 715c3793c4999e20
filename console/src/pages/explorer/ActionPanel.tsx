// One action: what it takes, the request as it is signed, code for it, and what the server answers.

import { useState } from 'react'
import { callNamed, prepare, type SignedRequest } from '../../api/client'
import type { ActionSchema, Schema } from '../../api/schema'
import { apiSnippets } from '../../api/snippets'
import { validate } from '../../api/validate'
import { useT, type Key } from '../../i18n'
import { useSession } from '../../session'
import { Code } from '../../ui/Copy'
import { Confirm } from '../../ui/Confirm'
import { Field } from '../../ui/Field'
import { Failure } from '../../ui/States'
import { Tabs } from '../../ui/Tabs'
import { Alert } from '../../ui/Notice'
import { Textarea } from '../../ui/Input'
import { Button } from '../../ui/td'
import { FieldTable } from './FieldTable'

interface Props {
  schema: Schema
  name: string
  info: ActionSchema
}

interface Outcome {
  answer?: Record<string, unknown>
  error?: unknown
  /** Milliseconds from click to answer. */
  took: number
}

function parse(text: string): { value?: Record<string, unknown>; error?: string } {
  try {
    const value: unknown = JSON.parse(text || '{}')
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { error: 'not an object' }
    return { value: value as Record<string, unknown> }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

export function ActionPanel({ schema, name, info }: Props) {
  const t = useT()
  const session = useSession()
  const [text, setText] = useState(() => JSON.stringify(info['x-example-request'] ?? {}, null, 2))
  const [signed, setSigned] = useState<SignedRequest>()
  const [outcome, setOutcome] = useState<Outcome>()
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  if (!session) return null
  const { value, error } = parse(text)
  const problems = value ? validate(schema, `${name}Request`, value) : []

  const send = async () => {
    if (!value) return
    setBusy(true)
    const began = performance.now()
    try {
      const answer = await callNamed(name, value)
      setOutcome({ answer, took: performance.now() - began })
    } catch (failure) {
      setOutcome({ error: failure, took: performance.now() - began })
    } finally {
      setBusy(false)
    }
  }
  const call = {
    action: name,
    request: value ?? {},
    region: session.region,
    origin: location.origin,
    extension: info['x-extension'],
  }
  const snippets = apiSnippets(call, signed).map((snippet) => ({
    name: snippet.name,
    content: <Code code={snippet.code} label={snippet.name} />,
  }))

  return (
    <>
      <section className="card stack" aria-labelledby="action">
        <div>
          <h2 id="action" className="mono">
            {name}
          </h2>
          <p>{info.description}</p>
          <p className="quiet small">
            {t(info['x-changes'] ? 'explorer.isChange' : 'explorer.isRead')}
            {info['x-extension'] && ` · ${t('explorer.extension')}`}
            {` · ${t('explorer.rate', { rate: info['x-requests-per-second'] })}`}
          </p>
        </div>
        <Field label={t('explorer.request')}>
          {(control) => (
            <Textarea
              {...control}
              className="mono"
              value={text}
              onChange={(next) => {
                setText(next)
                setSigned(undefined)
              }}
              rows={Math.min(24, Math.max(4, text.split('\n').length))}
              spellCheck={false}
            />
          )}
        </Field>
        {error && <div className="problem">{t('explorer.notJson', { error })}</div>}
        {problems.map((problem) => (
          <div key={`${problem.path} ${problem.rule}`} className="problem">
            <code>{problem.path}</code>: {t(`rule.${problem.rule}` as Key, problem.values)}
          </div>
        ))}
        <div className="inline">
          <Button
            theme="primary"
            disabled={!value}
            loading={busy}
            onClick={() => (info['x-changes'] ? setAsking(true) : void send())}
          >
            {t('explorer.send')}
          </Button>
          <Button
            variant="outline"
            disabled={!value}
            onClick={async () => setSigned(await prepare(session, name, value ?? {}))}
          >
            {t('explorer.sign')}
          </Button>
        </div>
        {outcome && (
          <div className="stack" data-testid="answer">
            <p className="quiet small">{t('explorer.took', { took: Math.round(outcome.took) })}</p>
            {outcome.answer ? (
              <Code code={JSON.stringify(outcome.answer, null, 2)} label={t('explorer.answer')} />
            ) : (
              <Failure error={outcome.error} />
            )}
          </div>
        )}
      </section>
      {signed && (
        <section className="card stack" aria-labelledby="signed">
          <h2 id="signed">{t('explorer.signed')}</h2>
          <Alert theme="info" message={t('explorer.signedHint')} />
          <h3>{t('explorer.canonical')}</h3>
          <Code code={signed.signature.canonicalRequest} label={t('explorer.canonical')} />
          <h3>{t('explorer.toSign')}</h3>
          <Code code={signed.signature.stringToSign} label={t('explorer.toSign')} />
          <h3>Authorization</h3>
          <Code code={signed.signature.authorization} label="Authorization" />
        </section>
      )}
      <section className="card" aria-labelledby="code">
        <h2 id="code">{t('explorer.code')}</h2>
        <Tabs label={t('explorer.code')} tabs={snippets} />
      </section>
      <section className="card" aria-labelledby="fields">
        <h2 id="fields">{t('explorer.fields')}</h2>
        <FieldTable schema={schema} node={info.request} label={t('explorer.request')} />
        <h2>{t('explorer.answerFields')}</h2>
        <FieldTable schema={schema} node={info.response} label={t('explorer.answer')} />
        <h2>{t('explorer.errors')}</h2>
        <p className="mono small wrap">{info['x-error-codes'].join('  ')}</p>
      </section>
      {asking && (
        <Confirm
          title={t('explorer.confirm', { action: name })}
          {...(/^(Delete|Restore)/.test(name) ? { name } : {})}
          danger={/^(Delete|Restore)/.test(name)}
          action={t('explorer.send')}
          onClose={() => setAsking(false)}
          onConfirm={send}
        >
          <p>{t('explorer.confirmHint')}</p>
        </Confirm>
      )}
    </>
  )
}
