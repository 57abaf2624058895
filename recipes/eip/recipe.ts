import { address, recipe, z } from 'sunup'

const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d)$/

const params = z
  .strictObject({
    allocation: z.string().min(1).optional().describe('This one address, by its allocation id.'),
    tag: z.string().min(1).optional().describe("The instance's own tag that names the allocation id. Default: allocation-id."),
    pool: z.record(z.string(), z.string()).optional().describe('Any free address that carries these tags.'),
    takeover: z.enum(['dead', 'draining', 'any']).optional().describe('From whom it may be taken. Default: dead. Not with a pool.'),
    tries: z.int().min(1).default(5).describe('How often to ask while it is refused.'),
    every: z.union([z.string().regex(DURATION, 'must be a duration such as 60s'), z.number().min(0)]).default('60s').describe('How long between tries.'),
  })
  .refine(given => [given.allocation, given.tag, given.pool].filter(one => one !== undefined).length < 2, 'give one of allocation, tag and pool')
  .refine(given => given.pool === undefined || Object.keys(given.pool).length > 0, { path: ['pool'], message: 'name at least one tag' })
  .refine(given => given.pool === undefined || given.takeover === undefined, { path: ['takeover'], message: 'a pool never takes an address that is held: leave takeover out' })

export default recipe({
  description: 'Holds an Elastic IP: one of its own, healed after its owner died, or a free one of a pool.',
  phase: 'activate',
  params,
  resources({ params: given, instance, cloud }) {
    const { takeover, tries, every } = given
    return [address({ addresses: cloud.addresses, instanceId: instance.id, ...selection(given, instance.tags), takeover, tries, every })]
  },
  departed({ params: given, instance, cloud }) {
    return [address({ addresses: cloud.addresses, instanceId: instance.id, ...selection(given, instance.tags), state: 'absent' })]
  },
})

function selection({ allocation, tag = 'allocation-id', pool }: z.output<typeof params>, tags: Readonly<Record<string, string>>) {
  if (allocation !== undefined) return { allocation }
  return pool ? { pool } : { tagged: { tag, allocation: tags[tag] } }
}
