import { createTwoFilesPatch } from 'diff'
import type { EventBody } from '../../src/core/events.ts'
import { aRun, resource } from './telling.ts'

/** Runs as they happen, for everything that shows one. */
export const RUNS: Readonly<Record<string, readonly EventBody[]>> = {
  'first-boot': aRun('boot', [
    ...resource('package[git nginx]', 'changed', {
      changes: [
        { type: 'create', field: 'git', to: '1:2.39.5-0+deb12u2' },
        { type: 'create', field: 'nginx', to: '1.22.1-9' },
      ],
      output: 'Reading package lists...\nSetting up nginx (1.22.1-9) ...\n',
      durationMs: 1_412.5,
    }),
    ...resource('directory[/srv/app]', 'changed', { changes: [{ type: 'create', field: 'directory', reason: 'makes /srv' }, { type: 'create', field: 'mode', to: '0755' }] }),
    ...resource('git[/srv/app]', 'changed', { changes: [{ type: 'create', field: 'commit', to: '8f3c2d19a7' }], durationMs: 380 }),
    ...resource('file[/etc/motd]', 'changed', {
      changes: [
        { type: 'update', field: 'content', diff: diff('Welcome\nto Debian\nand nothing else\n', 'Welcome\nto web\nand nothing else\n') },
        { type: 'update', field: 'mode', from: '0600', to: '0644' },
      ],
    }),
    ...resource('file[/etc/app/token]', 'changed', { changes: [{ type: 'create', field: 'content', secret: true }, { type: 'create', field: 'mode', to: '0600' }] }),
    ...resource('template[/etc/nginx/conf.d/app.conf]', 'changed', { changes: [{ type: 'create', field: 'content', diff: diff('', 'server {\n\tlisten 80;\n}\n') }] }),
    ...resource('link[/etc/nginx/sites-enabled/default]', 'changed', { changes: [{ type: 'remove', field: 'to', from: '../sites-available/default' }] }),
    ...resource('user[app]', 'unchanged'),
    ...resource('service[nginx]', 'changed', { changes: [{ type: 'act', field: 'reload', reason: 'template[/etc/nginx/conf.d/app.conf] changed' }] }),
    ...resource('address[app]', 'changed', { changes: [{ type: 'update', field: 'holder', from: 'i-0dead', to: 'i-0abc', reason: 'i-0dead is dead' }], durationMs: 12 }),
    ...resource('registry[web]', 'changed', { changes: [{ type: 'create', to: { instanceType: 't3.micro', publicIp: '203.0.113.7', meta: {} } }] }),
    ...resource('cron[rotate]', 'skipped', { reason: 'onlyIf: test -d /var/log/app' }),
  ], {
    calls: {
      'ec2:DescribeAddresses': { count: 4, retries: 1, throttles: 1 },
      'ec2:AssociateAddress': { count: 1, retries: 0, throttles: 0 },
      'dynamodb:GetItem': { count: 2, retries: 0, throttles: 0 },
      'dynamodb:PutItem': { count: 3, retries: 0, throttles: 0 },
    },
  }),
  'second-boot': aRun('boot', [...resource('file[/etc/motd]', 'unchanged'), ...resource('git[/srv/app]', 'unchanged', { durationMs: 31 }), ...resource('service[nginx]', 'unchanged')], { durationMs: 64 }),
  'staging-boot': aRun('boot', [
    ...resource('package[nginx]', 'skipped', { reason: 'packages belong to a host, not to a staging root', durationMs: 0 }),
    ...resource('package[git]', 'skipped', { reason: 'packages belong to a host, not to a staging root', durationMs: 0 }),
    ...resource('service[nginx]', 'skipped', { reason: 'services belong to a host, not to a staging root', durationMs: 0 }),
    ...resource('file[/etc/motd]', 'unchanged'),
  ]),
  plan: aRun(
    'plan',
    [
      ...resource('package[nginx]', 'pending', { changes: [{ type: 'create', field: 'nginx', to: '1.22.1-9' }] }),
      ...resource('user[app]', 'pending', { changes: [{ type: 'update', field: 'groups', from: ['app'], to: ['app', 'www-data'] }] }),
      ...resource('directory[/etc/app/conf.d]', 'pending', { changes: [{ type: 'remove', field: 'entry', from: 'old.conf' }] }),
      ...resource('service[nginx]', 'unknown', { reason: 'until package[nginx]' }),
      ...resource('execute[migrate]', 'pending', { changes: [{ type: 'act', field: 'run', reason: 'runs in every boot' }] }),
      ...resource('file[/etc/motd]', 'unchanged'),
    ],
    { exitCode: 2 },
  ),
  'failed-boot': failedBoot(),
  'closed-by-the-probe': [
    ...aRun('boot', resource('file[/etc/motd]', 'unchanged'), { exitCode: 1 }).slice(0, -1),
    { type: 'run.verified', checked: 1 },
    { type: 'gate.opened', step: 'registry' },
    { type: 'gate.closed', step: 'registry' },
    { type: 'gate.kept-closed', reason: 'http://127.0.0.1/ answers 502' },
    {
      type: 'run.finished',
      counts: { unchanged: 1, changed: 0, failed: 0, skipped: 0, pending: 0, unknown: 0 },
      gate: 'closed',
      role: 'web',
      exitCode: 1,
      durationMs: 30_120,
      error: { code: 'probe.failed', message: 'the probe http://127.0.0.1/ answered 502, not 200, for 30 s', hint: 'See what the server says: journalctl -u nginx', output: 'connect() failed (111: Connection refused)' },
    },
  ],
}

function failedBoot(): EventBody[] {
  const error = { code: 'command.failed', message: 'nginx -t ended with 1', hint: 'Mend the template; the configuration that was there is still there.', output: 'nginx: [emerg] unexpected "}" in app.conf:3\nnginx: configuration file test failed' } as const
  const resources = [
    ...resource('file[/etc/motd]', 'unchanged'),
    ...resource('configTree[/etc/nginx/sunup]', 'failed', { changes: [{ type: 'update', field: 'app.conf', diff: diff('server {\n}\n', 'server {\n}\n}\n') }], output: 'checking\n', durationMs: 1_210, error }),
    ...resource('service[nginx]', 'skipped', { reason: 'not reached', durationMs: 0 }),
    ...resource('address[app]', 'skipped', { reason: 'not reached', durationMs: 0 }),
  ]
  const run = aRun('boot', resources, { exitCode: 1, gate: 'closed', durationMs: 1_300, error })
  return [...run.slice(0, -1), { type: 'gate.kept-closed', reason: 'configTree[/etc/nginx/sunup] failed' }, ...run.slice(-1)]
}

function diff(from: string, to: string): string {
  const patch = createTwoFilesPatch('content', 'content', from, to, 'is', 'should be', { context: 3 })
  return patch.slice(patch.indexOf('---'))
}
