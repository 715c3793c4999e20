import { useState } from 'react'
import { useSubnets } from '../../api/subnets'
import type { Etcd } from '../../api/types'
import { useT } from '../../i18n'
import { FormCard } from '../../ui/FormCard'
import { useForm } from '../../ui/useForm'
import { SubnetChoice } from '../SubnetChoice'

/** Moves the members to other subnets of their VPC. */
export function SubnetsForm({ instance }: { instance: Etcd }) {
  const t = useT()
  const subnets = useSubnets().filter((subnet) => subnet.VpcId === instance.VpcId)
  const [chosen, setChosen] = useState<string[]>([])
  const form = useForm('ModifyEtcdAttribute', { InstanceId: instance.InstanceId, SubnetIds: chosen })
  return (
    <FormCard
      title={t('subnets.title')}
      hint={t('subnets.hint')}
      form={form}
      submit={t('subnets.submit')}
      disabled={chosen.length === 0}
    >
      <SubnetChoice subnets={subnets} value={chosen} onChange={setChosen} problem={form.problem('SubnetIds')} />
    </FormCard>
  )
}
