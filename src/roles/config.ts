import { existsSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { Failure, type Fault } from '../core/failure.ts'
import { judge } from './complain.ts'
import { configAtAGlance, configSchema, type ConfigKeys } from './config-schema.ts'
import { failureOf } from '../core/faults.ts'
import { readRegularText } from '../core/regular-file.ts'
import { millisecondsOf } from './values.ts'
import type { YamlFile } from '../core/yaml.ts'
import { loadYaml } from './yaml.ts'

/** Where roles/, recipes/ and templates/ come from. Paths are absolute. */
export type Source =
  | { readonly directory: string }
  | {
      readonly repository: string
      readonly ref: string
      /** A commit that these did not sign is refused. */
      readonly allowedSigners: string | undefined
      readonly onUnreachable: 'fail' | 'last-good'
      /** A revision that failed so often, and never succeeded, is left. */
      readonly breaker: { readonly failures: number } | undefined
    }

/** sunup.yaml with its defaults. Paths are absolute; `state` and `run` are as resources name theirs: a staging root puts them below itself. */
export interface Config {
  /** undefined: there is none. */
  readonly file: string | undefined
  readonly cloud: 'aws' | 'local'
  readonly source: Source
  readonly registry: { readonly table: string; readonly leaseMs: number }
  readonly state: string
  readonly run: string
  /** How long copies of secrets of the cloud are believed; undefined: there are none. */
  readonly secrets: { readonly cacheMs: number | undefined }
  readonly local: { readonly instance: string; readonly directory: string }
}

export interface ConfigOptions {
  /** --config */
  readonly file: string | undefined
  /** $SUNUP_CONFIG */
  readonly env: string | undefined
  /** Asked only where a path is relative to it. */
  readonly cwd: () => string
}

const SYSTEM_WIDE = '/etc/sunup/sunup.yaml'

/** Reads sunup.yaml: the file that was named, else ./sunup.yaml, else /etc/sunup/sunup.yaml, else none: then `cwd` is the source.
 *  @throws Failure `config.missing` (named, but not there), `config.invalid` (all faults in one), `file.denied` */
export function loadConfig(options: ConfigOptions): Config {
  const file = find(options)
  const traps: Fault[] = []
  const yaml = file === undefined ? undefined : loadYaml(file, file, 'config.invalid', faults => void traps.push(...faults))
  const base = file === undefined ? options.cwd() : dirname(file)
  return configOf(yaml ? keysOf(yaml, traps) : {}, file, base)
}

/** What there is without any sunup.yaml: for who has to do something though it can't be read. */
export function configOfNone(cwd: string): Config {
  return configOf({}, undefined, cwd)
}

/** The `run` that a sunup.yaml names which is broken elsewhere, as far as one line can tell: what serves from there must be closed. */
export function runOfBroken(options: ConfigOptions): string | undefined {
  try {
    const file = find(options)
    if (file === undefined) return undefined
    const named = /^["']?run["']?[ \t]*:[ \t]+(["']?)([\w./-]+)\1[ \t]*(?:#.*)?$/m.exec(readRegularText(file))?.[2]
    return named === undefined ? undefined : resolve(dirname(file), named)
  } catch {
    return undefined
  }
}

function configOf(keys: ConfigKeys, file: string | undefined, base: string): Config {
  const under = (path: string): string => resolve(base, path)
  return {
    file,
    cloud: keys.cloud ?? 'aws',
    source: sourceOf(keys.source, under),
    registry: { table: keys.registry?.table ?? 'sunup-registry', leaseMs: millisecondsOf(keys.registry?.lease ?? '90s') },
    state: under(keys.state ?? '/var/lib/sunup'),
    run: under(keys.run ?? '/run/sunup'),
    secrets: { cacheMs: keys.secrets?.cache ? millisecondsOf(keys.secrets.cache) : undefined },
    local: { instance: under(keys.local?.instance ?? 'instance.yaml'), directory: under(keys.local?.directory ?? '.sunup/cloud') },
  }
}

function find({ file, env, cwd }: ConfigOptions): string | undefined {
  for (const [named, by] of [[file, '--config'], [env || undefined, '$SUNUP_CONFIG']] as const) {
    if (named === undefined) continue
    const path = isAbsolute(named) ? resolve(named) : resolve(cwd(), named)
    if (!existsSync(path)) throw new Failure('config.missing', `${by} names ${path}, and there is no such file`, { hint: 'Without it, ./sunup.yaml and then /etc/sunup/sunup.yaml are looked for.' })
    return path
  }
  return [resolve(cwd(), 'sunup.yaml'), SYSTEM_WIDE].find(path => existsSync(path))
}

function keysOf(yaml: YamlFile, traps: readonly Fault[]): ConfigKeys {
  const keys = yaml.value ?? {}
  if (traps.length === 0 && configAtAGlance(keys)) return keys as ConfigKeys
  const { value, faults } = judge({ ...yaml, value: keys, schema: configSchema(), code: 'config.invalid', prefix: '', whole: 'sunup.yaml' })
  if (faults.length + traps.length > 0) throw failureOf([...traps, ...faults].sort((a, b) => a.place.line - b.place.line))
  return value as ConfigKeys
}

function sourceOf(source: ConfigKeys['source'], under: (path: string) => string): Source {
  if (source?.repository === undefined) return { directory: under(source?.directory ?? '.') }
  return {
    repository: isRemote(source.repository) ? source.repository : under(source.repository),
    ref: source.ref ?? 'main',
    allowedSigners: source.allowedSigners === undefined ? undefined : under(source.allowedSigners),
    onUnreachable: source.onUnreachable ?? 'fail',
    breaker: source.breaker,
  }
}

/** A URL, or as scp has it: a colon before the first slash. Anything else is a path. */
function isRemote(repository: string): boolean {
  return /^[^/]+:/.test(repository)
}
