// The subnets that members are spread over.

import type { EtcdSubnet } from '../api/types'
import type { Problem } from '../api/validate'
import { useT } from '../i18n'
import { Field, Group } from '../ui/Field'
import { Input } from '../ui/Input'
import { Checkbox } from '../ui/td'

interface Props {
  /** Those to choose from; none where the server does not tell. */
  subnets: EtcdSubnet[]
  value: string[]
  onChange: (value: string[]) => void
  problem?: Problem | undefined
}

export function SubnetChoice({ subnets, value, onChange, problem }: Props) {
  const t = useT()
  if (subnets.length === 0) {
    return (
      <Field label={t('form.subnets')} hint={t('form.subnetsTyped')} problem={problem} required>
        {(control) => (
          <Input
            {...control}
            value={value.join(', ')}
            onChange={(text) => onChange(text.split(/[,\s]+/).filter(Boolean))}
          />
        )}
      </Field>
    )
  }
  return (
    <Group label={t('form.subnets')} hint={t('form.subnetsHint')} problem={problem}>
      <div className="choices">
        {subnets.map((subnet) => (
          <Checkbox
            key={subnet.SubnetId}
            checked={value.includes(subnet.SubnetId)}
            onChange={(checked) =>
              onChange(
                subnets
                  .map((known) => known.SubnetId)
                  .filter((id) => (id === subnet.SubnetId ? checked : value.includes(id))),
              )
            }
          >
            {subnet.SubnetId} <span className="quiet">({subnet.Zone})</span>
          </Checkbox>
        ))}
      </div>
    </Group>
  )
}
