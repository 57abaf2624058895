import { recipe, service, z } from 'sunup'

export default recipe({
  description: 'Keeps services running or stopped, and restarts or reloads them when what they depend on changed.',
  params: z.array(
    z.strictObject({
      name: z.string().min(1).describe('A unit of systemd; without a suffix it is a service.'),
      state: z.enum(['running', 'stopped']).default('running'),
      enabled: z.boolean().optional().describe('Whether systemd starts it at boot. Default: left as it is.'),
      restartOn: z.array(z.string().min(1)).default([]).describe('Ids of resources, e.g. "git[/srv/app]".'),
      reloadOn: z.array(z.string().min(1)).default([]).describe('Ids of resources.'),
    }),
  ),
  resources({ params }) {
    return params.map(one => service(one))
  },
  // What this role kept running is ended in order when the instance leaves: a service gets to finish and to flush what it holds, where the
  // end of the machine would give it seconds. The last one first. What was to be stopped is stopped already.
  departed({ params }) {
    return params.toReversed().filter(one => one.state === 'running').map(({ name }) => service({ name, state: 'stopped' }))
  },
})
