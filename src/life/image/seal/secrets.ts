import type { Ground, Kind, Sighting } from './finding.ts'
import { filesBelow, inside, presentThrough, unreadableBelow, writtenText } from './places.ts'

/** Where programs keep what lets them in elsewhere; below a home. */
const CREDENTIALS: readonly string[] = [
  '.aws', '.netrc', '.git-credentials', '.config/git/credentials', '.config/gh/hosts.yml', '.config/gcloud', '.azure', '.kube/config', '.docker/config.json', '.npmrc', '.pypirc',
  '.pgpass', '.my.cnf', '.vault-token', '.boto', '.s3cfg', '.terraform.d/credentials.tfrc.json', '.config/sops/age/keys.txt', '.gnupg/private-keys-v1.d',
  '.dockercfg', '.cargo/credentials', '.cargo/credentials.toml', '.gem/credentials', '.m2/settings.xml', '.config/rclone/rclone.conf', '.terraformrc', '.config/containers/auth.json', '.config/hub',
]
const SYSTEM_CREDENTIALS: readonly string[] = ['/etc/boto.cfg', '/.netrc', '/.git-credentials', '/.aws']
/** Where people put an environment. */
const ENVIRONMENTS: readonly string[] = ['/etc/environment', '/etc/profile', '/etc/bash.bashrc', '/etc/zsh/zshenv']
const ENVIRONMENT_DIRECTORIES: readonly string[] = ['/etc/sunup', '/etc/default', '/etc/sysconfig', '/etc/profile.d', '/etc/environment.d', '/etc/systemd', '/etc/cloud', '/etc/apt/auth.conf.d', '/etc/cron.d']
const HOME_ENVIRONMENTS: readonly string[] = ['.env', '.profile', '.bashrc', '.bash_profile', '.zshrc', '.zshenv', '.pam_environment', '.ssh/environment']

/** A key's secret half, or the id of one, which stands beside it. Source: AWS, IAM identifiers, unique ID prefixes. */
const AWS_KEY = /\b(?:AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|aws_secret_access_key|aws_session_token)\b\s*[=:]\s*["']?[^\s"'$<]{8}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/
/** Also within YAML, JSON or an environment. */
const PRIVATE_KEY = /(?:^|[:=]\s*["']?)[ \t]*(?:-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-|AGE-SECRET-KEY-)/m
const HOST_KEY = /^\/etc\/ssh\/ssh_host_\w+_key$/

/** What lets whoever has the image in elsewhere. */
export const SECRETS: readonly Kind[] = [
  {
    what: 'credentials',
    why: 'whoever has the image has them',
    fix: 'remove',
    look: ({ machine, homes }) => presentThrough(machine, [...homes.flatMap(home => CREDENTIALS.map(name => `${home}/${name}`)), ...SYSTEM_CREDENTIALS]),
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
      const others = anywhere(homes).flatMap(place => filesBelow(machine, ...place))
      return keys(machine, [...new Set(others)].filter(path => !HOST_KEY.test(path) && !path.startsWith(`${state}/`)))
    },
  },
  {
    what: 'file whose name is no text',
    why: 'what is in it can’t be looked at',
    fix: 'none',
    hint: 'Remove it, or give it a name in UTF-8.',
    look: ({ machine, homes }) => [...anywhere(homes), ...homes.map(home => [`${home}/.ssh`, 2] as const)].flatMap(place => unreadableBelow(machine, ...place)).map(path => ({ path })),
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

/** Where somebody may have put a key: directories, how many levels down, and what is left out. */
function anywhere(homes: readonly string[]): readonly (readonly [directory: string, levels: number, skip?: (name: string) => boolean])[] {
  return [['/etc', 6], ['/tmp', 2], ['/var/tmp', 2], ...homes.map(home => [home, 3, (name: string) => name === '.ssh' || name === 'node_modules'] as const)]
}

function keys(machine: Ground['machine'], paths: readonly string[]): readonly Sighting[] {
  return paths.filter(path => PRIVATE_KEY.test(writtenText(machine, path) ?? '')).map(path => ({ path }))
}
