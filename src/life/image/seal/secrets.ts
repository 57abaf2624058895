import type { Ground, Kind, Sighting } from './finding.ts'
import { filesBelow, inside, present, writtenText } from './places.ts'

/** Where programs keep what lets them in elsewhere; below a home. */
const CREDENTIALS: readonly string[] = [
  '.aws', '.netrc', '.git-credentials', '.config/git/credentials', '.config/gh/hosts.yml', '.config/gcloud', '.azure', '.kube/config', '.docker/config.json', '.npmrc', '.pypirc',
  '.pgpass', '.my.cnf', '.vault-token', '.boto', '.s3cfg', '.terraform.d/credentials.tfrc.json', '.config/sops/age/keys.txt', '.gnupg/private-keys-v1.d',
]
const SYSTEM_CREDENTIALS: readonly string[] = ['/etc/boto.cfg', '/.netrc', '/.git-credentials', '/.aws']
/** Where people put an environment. */
const ENVIRONMENTS: readonly string[] = ['/etc/environment', '/etc/profile', '/etc/bash.bashrc', '/etc/zsh/zshenv']
const ENVIRONMENT_DIRECTORIES: readonly string[] = ['/etc/sunup', '/etc/default', '/etc/sysconfig', '/etc/profile.d', '/etc/environment.d', '/etc/systemd', '/etc/cloud', '/etc/apt/auth.conf.d', '/etc/cron.d']
const HOME_ENVIRONMENTS: readonly string[] = ['.env', '.profile', '.bashrc', '.bash_profile', '.zshrc', '.zshenv', '.pam_environment', '.ssh/environment']

/** A key's secret half, or the id of one, which stands beside it. Source: AWS, IAM identifiers, unique ID prefixes. */
const AWS_KEY = /\b(?:AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|aws_secret_access_key|aws_session_token)\b\s*[=:]\s*["']?[^\s"'$<]{8}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/
const PRIVATE_KEY = /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-|^AGE-SECRET-KEY-/m
const HOST_KEY = /^\/etc\/ssh\/ssh_host_\w+_key$/

/** What lets whoever has the image in elsewhere. */
export const SECRETS: readonly Kind[] = [
  {
    what: 'credentials',
    why: 'whoever has the image has them',
    fix: 'remove',
    look: ({ machine, homes }) => present(machine, [...homes.flatMap(home => CREDENTIALS.map(name => `${home}/${name}`)), ...SYSTEM_CREDENTIALS]),
  },
  {
    what: 'AWS key in an environment',
    why: 'whoever has the image has it',
    fix: 'none',
    hint: 'Take the line out: instances have a role of their own.',
    look({ machine, homes }) {
      const files = [
        ...ENVIRONMENTS,
        ...ENVIRONMENT_DIRECTORIES.flatMap(directory => filesBelow(machine, directory, 4)),
        ...homes.flatMap(home => HOME_ENVIRONMENTS.map(name => `${home}/${name}`)),
      ]
      return files.filter(path => AWS_KEY.test(writtenText(machine, path) ?? '')).map(path => ({ path }))
    },
  },
  {
    what: 'private key of somebody',
    why: 'whoever has the image has it',
    fix: 'remove',
    look: ({ machine, homes }) => keys(machine, homes.flatMap(home => filesBelow(machine, `${home}/.ssh`, 2))),
  },
  {
    what: 'private key',
    why: 'every instance would have the same, and so would whoever has the image',
    fix: 'none',
    hint: 'Have the role bring it at boot as a secret; one that belongs in the image is named with --keep.',
    look: ({ machine, homes, state }) => {
      const below = homes.flatMap(home => filesBelow(machine, home, 3, name => name === '.ssh' || name === 'node_modules'))
      const others = [...filesBelow(machine, '/etc', 6), ...filesBelow(machine, '/tmp', 2), ...filesBelow(machine, '/var/tmp', 2), ...below]
      return keys(machine, [...new Set(others)].filter(path => !HOST_KEY.test(path) && !path.startsWith(`${state}/`)))
    },
  },
  {
    what: 'ssh host key',
    why: 'every instance would be taken for every other',
    fix: 'remove',
    look: ({ machine }) => inside(machine, '/etc/ssh', name => /^ssh_host_\w+_key(?:\.pub)?$/.test(name)),
  },
  {
    what: 'way in of the build',
    why: 'whoever built the image gets into every instance',
    fix: 'remove',
    look: ({ machine, homes }) => homes.flatMap(home => inside(machine, `${home}/.ssh`, name => /^authorized_keys2?$/.test(name))).filter(({ path }) => machine.stat(path)?.size !== 0),
  },
]

function keys(machine: Ground['machine'], paths: readonly string[]): readonly Sighting[] {
  return paths.filter(path => PRIVATE_KEY.test(writtenText(machine, path) ?? '')).map(path => ({ path }))
}
