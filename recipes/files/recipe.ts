import { file, recipe, template, vars, z } from 'sunup'

const MODE = /^[0-7]{3,4}$/

export default recipe({
  description: 'Writes files, as they stand in the role or from templates.',
  params: z.array(
    z.strictObject({
      path: z.string().startsWith('/', 'must be an absolute path').describe('Where the file goes. Absolute.'),
      template: z.string().optional().describe("A file of the repository's templates/; sees vars, instance, host and role."),
      content: z.string().optional().describe('The text itself, instead of a template.'),
      vars: vars().optional().describe('Names for the template; secrets may be among them.'),
      mode: z.string().regex(MODE, 'must be an octal mode as text, e.g. "0644"').optional().describe('Default: "0644".'),
      owner: z.string().optional().describe('Default: root.'),
      group: z.string().optional().describe('Default: root.'),
    })
      .refine(entry => (entry.template === undefined) !== (entry.content === undefined), 'must have either a template or a content')
      .refine(entry => entry.vars === undefined || entry.template !== undefined, 'has vars, and no template to use them'),
  ),
  resources({ params, instance, host, role, asset }) {
    return params.map(({ path, template: name, content = '', vars: own, mode, owner, group }) => {
      const rest = { path, mode, owner, group }
      return name === undefined ? file({ ...rest, content }) : template({ ...rest, source: asset(name), vars: { instance, host, role, ...own } })
    })
  },
})
