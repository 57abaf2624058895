import { git, recipe, secret, z } from 'sunup'

export default recipe({
  description: 'Checks out a commit of a git repository, as releases with a link to the current one, or in place.',
  params: z.strictObject({
    repository: z.string().min(1).describe('A URL (https, ssh, file), user@host:path, or an absolute path. Without a password, and over https with a user only beside a token.'),
    ref: z.string().min(1).optional().describe('A tag, a branch or a full SHA. Default: HEAD, the remote’s default branch.'),
    path: z.string().startsWith('/', 'must be an absolute path').describe('Where it goes; the current release is <path>/current.'),
    layout: z.enum(['releases', 'inPlace']).optional().describe('Default: releases.'),
    keep: z.int().min(0).optional().describe('How many releases are kept; the current one and the one before it always are. Default: 5.'),
    key: z.union([z.string().startsWith('/', 'must be an absolute path, or a secret'), secret()]).optional().describe('For ssh: a private key’s path, or its text as a secret.'),
    knownHosts: z.string().min(1).optional().describe('For ssh: lines as in a known_hosts file; any other host is refused.'),
    token: secret().optional().describe('For https.'),
    discard: z.boolean().optional().describe('Puts files back that were changed on the machine, instead of refusing to go on. Default: false.'),
  }),
  resources: ({ params }) => [git(params)],
})
