import { configTree, Failure, file, recipe, render, reveal, service, vars, z, type ConfigTreeProps, type Secret } from 'sunup'
import { listensLeft, portEighty, type PortEighty } from './listens.ts'

const TREE = '/etc/nginx/sunup'
const HEALTH = `${TREE}/snippets/health.conf`

const made = { template: z.string().min(1), vars: vars().default({}) }

const params = z.strictObject({
  sites: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" and "-"').describe('Becomes sites/<name>.conf.'),
        ...made,
      }),
    )
    .refine(sites => new Set(sites.map(site => site.name)).size === sites.length, 'two sites have one name')
    .default([]),
  conf: z.union([z.string(), z.strictObject(made)]).optional().describe('More directives for the http block: as text, or made from a template.'),
})

/** A file of the tree, and what it says that matters here. */
interface Part {
  readonly path: string
  readonly file: ConfigTreeProps['files'][string]
  readonly portEighty: PortEighty
  readonly servesHealth: boolean
}

export default recipe({
  description: 'Serves sites with nginx, and the health file to whoever asks by address.',
  params,
  resources({ params: { sites, conf }, role: { health }, asset }) {
    const fromTemplate = (path: string, template: string, given: Readonly<Record<string, unknown>>): Part => {
      const source = asset(template)
      return part(path, render(source, given), { source, vars: given })
    }
    const own = sites.map(site => fromTemplate(`sites/${site.name}.conf`, site.template, site.vars))
    if (typeof conf === 'string') own.push(part('http.conf', conf, { content: `${conf.trimEnd()}\n` }))
    else if (conf) own.push(fromTemplate('http.conf', conf.template, conf.vars))
    own.forEach(refuseHidden)

    const listens = listensLeft(own.map(one => one.portEighty))
    const tree = configTree({
      path: TREE,
      files: {
        ...Object.fromEntries(own.map(one => [one.path, one.file])),
        ...(listens.length > 0 && { 'default.conf': { source: asset('sunup-default.conf.mustache'), vars: { listens, tree: TREE } } }),
        'snippets/health.conf': { source: asset('sunup-health.conf.mustache'), vars: { directory: health.directory, file: plainPath(health.file) } },
      },
      replaces: ['/etc/nginx/sites-enabled/default'],
      verify: { argv: ['nginx', '-t'], scratch: ['/run', '/var/lib/nginx', '/var/log/nginx'] },
    })
    // Before the tree, so that the checker finds the tree where nginx will; a pattern that nothing matches is no error to nginx.
    const include = file({
      path: '/etc/nginx/conf.d/sunup.conf',
      content: `# Written by sunup: the tree is taken up as a whole, see ${TREE}.d.\ninclude ${TREE}/*.conf;\ninclude ${TREE}/sites/*.conf;\n`,
      mode: '0644',
    })
    return [include, tree, service({ name: 'nginx', state: 'running', enabled: true, reloadOn: [include, tree] })]
  },
  // Nothing is departed: traffic has left by then, whoever comes late is still served, and at shutdown systemd lets nginx finish.
})

function part(path: string, content: string | Secret, file: Part['file']): Part {
  const text = reveal(content)
  return { path, file, portEighty: portEighty(text), servesHealth: /^\s*include\s+["']?(\/etc\/nginx\/)?sunup\/snippets\/health\.conf["']?\s*;/m.test(text) }
}

/** Who asks by address gets the default server: one that does not serve the health file keeps a load balancer from ever seeing it. */
function refuseHidden({ path, file, portEighty: { claims }, servesHealth }: Part): void {
  if (claims.size === 0 || servesHealth) return
  throw new Failure('recipe.invalid', `${'source' in file ? file.source.name : 'conf'} (for ${TREE}/${path}) declares the default_server of port 80, and does not serve the health file there`, {
    hint: `Put \`include ${HEALTH};\` into that server, or leave default_server to sunup's own.`,
  })
}

function plainPath(path: string): string {
  if (/^[\w./-]+$/.test(path)) return path
  throw new Failure('role.invalid', `health.file: nginx can't serve "${path}" as it is`, { hint: 'Use letters, digits, ".", "_", "-" and "/".' })
}
