import { recipe, template, z } from 'sunup'

export default recipe({
  description: 'A page, for a web server to show.',
  params: z.strictObject({
    title: z.string().min(1).describe('What stands on it.'),
    directory: z.string().startsWith('/').default('/srv/www').describe('Where index.html goes.'),
  }),
  resources({ params: { title, directory }, asset }) {
    return [template({ path: `${directory}/index.html`, source: asset('index.html.mustache'), vars: { title }, mode: '0644' })]
  },
})
