import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Arch, Runtime } from './node.ts'

/** Variables by which Node, its libraries or the dynamic loader run otherwise. The provisioner has none of them: they are set for an application. Left
 *  are those that say how the outside is reached: NODE_EXTRA_CA_CERTS, NODE_USE_SYSTEM_CA, NODE_USE_ENV_PROXY, SSL_CERT_FILE and SSL_CERT_DIR. */
export const HIDDEN = [
  'NODE_OPTIONS', 'NODE_PATH', 'NODE_PRESERVE_SYMLINKS', 'NODE_PRESERVE_SYMLINKS_MAIN',
  'NODE_TLS_REJECT_UNAUTHORIZED', 'OPENSSL_CONF', 'SSLKEYLOGFILE',
  'NODE_COMPILE_CACHE', 'NODE_COMPILE_CACHE_PORTABLE', 'NODE_DISABLE_COMPILE_CACHE', 'NODE_V8_COVERAGE',
  'NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'NODE_NO_WARNINGS', 'NODE_PENDING_DEPRECATION', 'NODE_REDIRECT_WARNINGS',
  'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID', 'NODE_TEST_CONTEXT',
  'NODE_ICU_DATA', 'UV_THREADPOOL_SIZE', 'UV_USE_IO_URING', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT',
  // Of sunup's own, for a Node that is started by an older one.
  'SUNUP_STARTED_BY',
]

/** bin/sunup of the archive. */
export function launcherFor(arch: Arch, { machine, interpreter }: Runtime): string {
  const values: Readonly<Record<string, string>> = { ARCH: arch, MACHINE: machine, INTERPRETER: interpreter, HIDDEN: HIDDEN.join(' ') }
  return readFileSync(join(import.meta.dirname, 'launcher.sh'), 'utf8').replace(/@([A-Z]+)@/g, (_, name: string) => values[name] as string)
}
