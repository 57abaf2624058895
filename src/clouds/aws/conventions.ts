import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { asFailure, Failure, messageOf } from '../../core/failure.ts'
import type { AwsCredentials } from './client.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The access key in the environment; a named profile goes before it, as in the SDK. */
export function keysIn(env: Environment): AwsCredentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env
  if (isSet(env.AWS_PROFILE) || !isSet(accessKeyId) || !isSet(secretAccessKey)) return undefined
  return { accessKeyId, secretAccessKey, ...(isSet(sessionToken) && { sessionToken }) }
}

/** What the SDK's own conventions find before an instance's role: a profile (keys, an assumed role, SSO, a process), a web identity's token, a container's
 *  endpoint, in this order. Their code is loaded only where the environment or a file in ~/.aws speaks of one of them.
 *  @returns undefined where none of them has credentials
 *  @throws Failure `cloud.denied` where one is meant, and fails: with AWS_PROFILE, a profile without credentials, too */
export async function conventional(env: Environment): Promise<AwsCredentials | undefined> {
  for (const { isNamed, ask } of await providers(env)) {
    try {
      return await ask()
    } catch (error) {
      // A default profile may be about other things. Whoever is named in the environment is meant: to become somebody else instead, as the SDK does, hides the fault.
      if (!isNamed && (error as { readonly tryNextLink?: boolean }).tryNextLink === true) continue
      throw new Failure('cloud.denied', `no credentials: ${messageOf(error)}`, {
        cause: asFailure(error),
        hint: isSet(env.AWS_PROFILE) ? `Look at the profile ${env.AWS_PROFILE} in ~/.aws/config, or unset AWS_PROFILE.` : 'Look at ~/.aws/config and the AWS_* variables.',
      })
    }
  }
  return undefined
}

interface Provider {
  readonly isNamed: boolean
  readonly ask: () => Promise<AwsCredentials>
}

async function providers(env: Environment): Promise<readonly Provider[]> {
  const isNamed = isSet(env.AWS_PROFILE)
  const profile = isNamed || hasFiles(env)
  const webIdentity = isSet(env.AWS_WEB_IDENTITY_TOKEN_FILE)
  const container = isSet(env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) || isSet(env.AWS_CONTAINER_CREDENTIALS_FULL_URI)
  if (!profile && !webIdentity && !container) return []
  const sdk = await import('./sdk/credentials.ts')
  return [
    ...(profile ? [{ isNamed, ask: sdk.fromIni() }] : []),
    ...(webIdentity ? [{ isNamed: true, ask: sdk.fromTokenFile() }] : []),
    ...(container ? [{ isNamed: true, ask: () => sdk.fromHttp()() }] : []),
  ]
}

/** The region that environment or profile name. AWS_DEFAULT_REGION is the other SDKs' name for it. */
export async function regionIn(env: Environment): Promise<string | undefined> {
  const named = [env.AWS_REGION, env.AWS_DEFAULT_REGION].find(isSet)
  if (named !== undefined || !hasFiles(env)) return named
  const { loadConfig, NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS } = await import('./sdk/credentials.ts')
  const found = await loadConfig({ ...NODE_REGION_CONFIG_OPTIONS, default: '' }, NODE_REGION_CONFIG_FILE_OPTIONS)()
  return isSet(found) ? found : undefined
}

function hasFiles(env: Environment): boolean {
  const home = isSet(env.HOME) ? env.HOME : homedir()
  return [env.AWS_CONFIG_FILE || join(home, '.aws/config'), env.AWS_SHARED_CREDENTIALS_FILE || join(home, '.aws/credentials')].some(file => existsSync(file))
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== ''
}
