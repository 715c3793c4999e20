import { useRead, useTasks } from '../../api/queries'
import { useHasAction } from '../../api/schema'
import { clusterSnippets, FILES } from '../../api/snippets'
import { useT } from '../../i18n'
import { Code, Copyable, download } from '../../ui/Copy'
import { Empty, Failure, Waiting } from '../../ui/States'
import { Tabs } from '../../ui/Tabs'
import { Alert } from '../../ui/Notice'
import { Button } from '../../ui/td'
import { useShownInstance } from './context'
import { Rotation } from './Rotation'
import { UnderWay } from './UnderWay'

export function Access() {
  const t = useT()
  const instance = useShownInstance()
  const tasks = useTasks(instance.InstanceId)
  const rotation = tasks.data?.find((task) => task.TaskType === 'rotate_credentials' && task.LifeState === 'process')
  const credentials = useRead(
    'DescribeEtcdCredentials',
    { InstanceId: instance.InstanceId },
    // Until there is an endpoint the certificates may not be made yet; a rotation makes others.
    { interval: instance.Endpoint && !rotation ? false : 2000 },
  )
  const rotates = useHasAction('RotateEtcdCredentials')
  if (credentials.isPending) return <Waiting />
  if (!credentials.data) return <Failure error={credentials.error} retry={() => void credentials.refetch()} />
  const credential = credentials.data.Credentials?.[0]
  const endpoint = instance.Endpoint
  if (!endpoint) return <Empty title={t('access.none')}>{t('access.noneHint')}</Empty>
  const files = [
    [FILES.ca, credential?.CACert, t('access.ca')],
    [FILES.cert, credential?.Cert, t('access.cert')],
    [FILES.key, credential?.Key, t('access.key')],
  ] as const
  return (
    <div className="stack">
      {rotation && <UnderWay task={rotation} />}
      <section className="card" aria-labelledby="files">
        <h2 id="files">{t('access.title')}</h2>
        <p>
          {t('column.endpoint')} <Copyable text={endpoint} />
        </p>
        {credential ? (
          <>
            <p className="quiet">{t('access.hint')}</p>
            <ul className="files">
              {files.map(
                ([name, text, words]) =>
                  text && (
                    <li key={name}>
                      <Button
                        variant="outline"
                        size="small"
                        // What was known may be from before a rotation.
                        disabled={credentials.isFetching}
                        onClick={() => download(name, text)}
                      >
                        {t('access.download', { name })}
                      </Button>
                      <span className="quiet small">{words}</span>
                    </li>
                  ),
              )}
            </ul>
            <p className="quiet small">{t('access.secret')}</p>
          </>
        ) : (
          <Alert theme="warning" message={t('access.plain')} />
        )}
      </section>
      <section className="card" aria-labelledby="snippets">
        <h2 id="snippets">{t('access.snippets')}</h2>
        <p className="quiet">{t('access.snippetsHint')}</p>
        <Tabs
          label={t('access.snippets')}
          tabs={clusterSnippets(endpoint, credential !== undefined).map((snippet) => ({
            name: snippet.name,
            content: <Code code={snippet.code} label={snippet.name} />,
          }))}
        />
      </section>
      {credential && rotates && <Rotation />}
    </div>
  )
}
