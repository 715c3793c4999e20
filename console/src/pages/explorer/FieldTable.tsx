// The fields of a structure, those of nested ones below them.

import { resolve, type Node, type Schema } from '../../api/schema'
import { useT } from '../../i18n'

interface Row {
  path: string
  type: string
  required: boolean
  description: string
  limits: string
}

/** Deeper than the API goes; a structure that held itself would have no end. */
const DEPTH = 6

export function rows(schema: Schema, node: Node, prefix = '', depth = 0): Row[] {
  const target = resolve(schema, node)
  return Object.entries(target.properties ?? {}).flatMap(([name, property]) => {
    const inner = resolve(schema, property)
    const item = inner.type === 'array' ? resolve(schema, inner.items ?? {}) : undefined
    const path = `${prefix}${name}`
    const row: Row = {
      path,
      type: item ? `${item.type ?? ''}[]` : (inner.type ?? ''),
      required: target.required?.includes(name) === true,
      description: property.description ?? inner.description ?? '',
      limits: limits(item ?? inner),
    }
    const nested = item?.properties ? item : inner.properties ? inner : undefined
    const below = nested && depth < DEPTH ? rows(schema, nested, `${path}${item ? '[]' : ''}.`, depth + 1) : []
    return [row, ...below]
  })
}

function limits(node: Node): string {
  if (node.enum) return node.enum.join(' | ')
  if (node.type === 'integer' && Math.abs(node.maximum ?? Infinity) < 2 ** 53) return `${node.minimum} – ${node.maximum}`
  if (node['x-format']) return node['x-format']
  return ''
}

export function FieldTable({ schema, node, label }: { schema: Schema; node: Node; label: string }) {
  const t = useT()
  const found = rows(schema, node)
  if (found.length === 0) return <p className="quiet">{t('explorer.noFields')}</p>
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('column.field')}</th>
            <th scope="col">{t('column.type')}</th>
            <th scope="col">{t('column.meaning')}</th>
          </tr>
        </thead>
        <tbody>
          {found.map((row) => (
            <tr key={row.path}>
              <th scope="row" className="mono small">
                {row.path}
                {row.required && <span className="required"> *</span>}
              </th>
              <td className="mono small">{row.type}</td>
              <td>
                {row.description}
                {row.limits && <div className="quiet small mono">{row.limits}</div>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
