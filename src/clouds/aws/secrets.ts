import type { SSMClient } from '@aws-sdk/client-ssm'
import type { Secrets } from '../../core/cloud.ts'
import { Failure } from '../../core/failure.ts'
import { makeSecret } from '../../core/secret.ts'
import type { Access } from './client.ts'
import { awsCode, awsMessage } from './errors.ts'
import { secretCache, type CacheOptions } from './secret-cache.ts'

export interface SecretsOptions {
  readonly access: Access
  /** Default: none; each read asks. */
  readonly cache?: CacheOptions
}

type Sdk = typeof import('./sdk/ssm.ts')

/** Parameters of SSM's Parameter Store, decrypted. `path` is what stands behind `ssm:`: '/app/key', 'key', an ARN, with ':3' or ':label' for a version.
 *  @throws Failure `secret.missing`, `cloud.denied` (the parameter, or its key: told apart), `cloud.invalid` (no such name can be) */
export function awsSecrets({ access, cache }: SecretsOptions): Secrets {
  let made: { readonly sdk: Sdk; readonly client: SSMClient } | undefined
  const kept = cache && secretCache(cache)

  async function ssm(signal: AbortSignal) {
    if (made) return made
    const [settings, sdk] = await Promise.all([access.settings(signal), import('./sdk/ssm.ts')])
    return (made ??= { sdk, client: new sdk.SSMClient(settings) })
  }

  return {
    async read(path, signal) {
      const cached = kept?.read(path)
      if (cached !== undefined) return makeSecret(cached)
      const { sdk, client } = await ssm(signal)
      const input = { Name: path, WithDecryption: true }
      const { Parameter } = await access.calls
        .ask(ACTION, options => client.send(new sdk.GetParameterCommand(input), options), { signal, on: path })
        .catch((error: unknown) => {
          throw worded(error, path)
        })
      if (Parameter?.Value === undefined || Parameter.Value === '') throw new Failure('secret.missing', `the parameter ${path} has no value`, { hint: `Write one: aws ssm put-parameter --overwrite --type SecureString --name ${path} --value …` })
      kept?.write(path, Parameter.Value)
      return makeSecret(Parameter.Value)
    },
  }
}

const ACTION = 'ssm:GetParameter'

const MISSING: ReadonlySet<string> = new Set(['ParameterNotFound', 'ParameterVersionNotFound', 'ParameterVersionLabelNotFound'])

/** Answers to a decryption that KMS refused. SSM passes them on under its own action's name. */
const OF_THE_KEY = /kms:|customer master key|KMS key|ciphertext/i

function worded(error: unknown, path: string): unknown {
  if (!(error instanceof Failure)) return error
  const code = awsCode(error) ?? ''
  const said = awsMessage(error)
  const cause = error.cause
  if (MISSING.has(code)) {
    const version = /^ParameterVersion/.test(code)
    return new Failure('secret.missing', version ? `the parameter ${path} has no such version or label` : `there is no parameter ${path}`, {
      cause,
      hint: version ? 'Look with: aws ssm get-parameter-history --name NAME' : `Names are exact, and belong to one region. Write it with: aws ssm put-parameter --type SecureString --name ${path} --value …`,
    })
  }
  if (code === 'InvalidKeyId' || (error.code === 'cloud.denied' && OF_THE_KEY.test(said) && !said.includes(ACTION))) {
    return new Failure('cloud.denied', `the parameter ${path} is there, and can't be decrypted: ${said}`, {
      cause,
      hint: 'Its KMS key must exist and be enabled, and both the key\'s policy and the role\'s must allow kms:Decrypt: see what `sunup policy` prints.',
    })
  }
  if (code === 'ValidationException') {
    return new Failure('cloud.invalid', `${JSON.stringify(path)} can't be the name of a parameter: ${said}`, { cause, hint: 'As in ssm:/app/key, ssm:key, or ssm:/app/key:3 for a version.' })
  }
  return error
}
