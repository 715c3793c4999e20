import { apiSnippets } from '../../api/snippets'
import { useT, type Translate } from '../../i18n'
import { useSession } from '../../session'
import { Code } from '../../ui/Copy'
import { Tabs } from '../../ui/Tabs'
import { NEW, NONE, type Watch } from '../prometheus'
import { toRequest, type Draft } from './request'

/** What will be asked for, in words and as code that would ask for the same. */
export function Review({ draft }: { draft: Draft }) {
  const t = useT()
  const region = useSession()?.region ?? ''
  // A password is no matter for whoever looks over a shoulder, nor for code that is kept.
  const request = toRequest({ ...draft, watch: { ...draft.watch, password: '…' } })
  const onOff = (value: boolean) => t(value ? 'common.on' : 'common.off')
  const facts: [string, string][] = [
    [t('form.name'), draft.name],
    [t('nav.region'), region],
    [t('column.version'), draft.version],
    [t('form.size'), t('create.survives', { size: draft.size, lost: Math.floor((draft.size - 1) / 2) })],
    [t('column.vpc'), draft.vpc],
    [t('form.serviceSubnet'), draft.serviceSubnet],
    [t('form.subnets'), draft.subnets.join(', ')],
    [t('form.https'), onOff(draft.https)],
    [t('form.clientCertAuth'), onOff(draft.https && draft.clientCertAuth)],
    [t('watching.title'), watchedBy(draft.watch, t)],
    [t('facts.protection'), onOff(draft.protection)],
  ]
  const call = { action: 'CreateEtcdInstance', request: { ...request }, region, origin: location.origin, extension: false }
  return (
    <>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>{t('create.asCode')}</summary>
        <Tabs
          label={t('create.asCode')}
          tabs={[
            { name: 'JSON', content: <Code code={JSON.stringify(request, null, 2)} label="JSON" /> },
            ...apiSnippets(call).map((snippet) => ({
              name: snippet.name,
              content: <Code code={snippet.code} label={snippet.name} />,
            })),
          ]}
        />
      </details>
    </>
  )
}

function watchedBy({ by, retention }: Watch, t: Translate): string {
  if (by === NONE) return t('watching.none')
  return by === NEW ? t('watching.newFor', { days: retention }) : by
}
