import { recipe, user, z } from 'sunup'

export default recipe({
  description: 'Creates and removes users, with their groups and the keys they may log in with.',
  params: z.array(
    z.strictObject({
      name: z.string().min(1),
      groups: z.array(z.string().min(1)).optional().describe('Exactly these, besides the user\'s own. Default: left as they are.'),
      keys: z.array(z.string().min(1)).optional().describe('Exactly these lines of ~/.ssh/authorized_keys. Default: left as they are.'),
      shell: z.string().min(1).optional(),
      state: z.enum(['present', 'absent']).default('present'),
    }),
  ),
  resources({ params }) {
    return params.map(one => user(one))
  },
})
