import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useSchema, type Schema } from '../../api/schema'
import { useT } from '../../i18n'
import { Empty, Waiting } from '../../ui/States'
import { Input } from '../../ui/Input'
import { ActionPanel } from './ActionPanel'

export function ExplorerPage() {
  const t = useT()
  const schema = useSchema()
  const { action } = useParams({ strict: false })
  if (!schema) return <Waiting />
  const info = action ? schema['x-actions'][action] : undefined
  return (
    <>
      <div className="heading">
        <h1>{t('explorer.title')}</h1>
        <span className="quiet mono">
          {schema['x-service']} {schema['x-version']}
        </span>
      </div>
      <div className={action ? 'explorer explorer-chosen' : 'explorer'}>
        <ActionList schema={schema} />
        <div className="stack explorer-main">
          {!action && <Empty title={t('explorer.choose')}>{t('explorer.chooseHint')}</Empty>}
          {action && !info && <Empty title={t('explorer.unknown', { action })} />}
          {action && info && <ActionPanel key={action} schema={schema} name={action} info={info} />}
        </div>
      </div>
    </>
  )
}

function ActionList({ schema }: { schema: Schema }) {
  const t = useT()
  const [wanted, setWanted] = useState('')
  const names = Object.keys(schema['x-actions']).filter((name) => name.toLowerCase().includes(wanted.trim().toLowerCase()))
  const groups = [
    [t('explorer.reads'), names.filter((name) => !schema['x-actions'][name]!['x-changes'])],
    [t('explorer.changes'), names.filter((name) => schema['x-actions'][name]!['x-changes'])],
  ] as const
  return (
    <nav className="card explorer-list" aria-label={t('explorer.actions')}>
      <Input
        aria-label={t('explorer.find')}
        placeholder={t('explorer.find')}
        value={wanted}
        onChange={setWanted}
        type="search"
      />
      {groups.map(([group, list]) => (
        <section key={group} aria-label={group}>
          <h2>{group}</h2>
          <ul>
            {list.map((name) => (
              <li key={name}>
                <Link to="/explorer/$action" params={{ action: name }}>
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  )
}
