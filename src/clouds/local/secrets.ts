import { join } from 'node:path'
import type { Secrets } from '../../core/cloud.ts'
import { Failure } from '../../core/failure.ts'
import { isRecord } from '../../core/plain.ts'
import { makeSecret } from '../../core/secret.ts'
import { readYaml } from './yaml.ts'

/** Stands in for the parameter store: `parameters.yaml`, a mapping of paths to texts, so that a role with `ssm:` secrets can be tried anywhere. */
export function localSecrets(directory: string): Secrets {
  const file = join(directory, 'parameters.yaml')
  return {
    async read(path, signal) {
      signal.throwIfAborted()
      const yaml = await readYaml(file, 'cloud.invalid', true)
      const all = yaml?.value ?? {}
      // No complaint shows what was found: it may be a secret.
      if (yaml && !isRecord(all)) throw yaml.complaint([], 'a mapping of paths to texts was expected')
      const value = (all as Record<string, unknown>)[path]
      if (value === undefined || value === null) {
        throw new Failure('secret.missing', `there is no parameter ${path} in ${file}`, { hint: `The local cloud reads ssm: secrets from there. Write the line\n  ${path}: "the secret"` })
      }
      if (typeof value !== 'string') throw (yaml as NonNullable<typeof yaml>).complaint([path], `the parameter ${path} must be a text`, 'Put it in quotes.')
      return makeSecret(value)
    },
  }
}
