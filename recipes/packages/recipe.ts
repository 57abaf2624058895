import { packages, recipe, z } from 'sunup'

export default recipe({
  description: 'Installs and removes packages, in one transaction.',
  params: z.strictObject({
    install: z.array(z.string().min(1)).default([]).describe('Names, or a name with a version such as "nginx=1.22*".'),
    remove: z.array(z.string().min(1)).default([]).describe('Names.'),
  }),
  resources({ params: { install, remove } }) {
    return install.length + remove.length === 0 ? [] : [packages({ install, remove })]
  },
})
