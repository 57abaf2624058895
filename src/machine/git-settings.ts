import { PATH } from './path.ts'

/** Whatever the system's and the user's configuration say (they are read: proxies, certificates, URL rewrites), what is checked out is the
 *  commit's bytes, and no hook or monitor runs. A fetch is one pack, in place at once: an interrupted one leaves no half of a commit. */
export const CONFIG = [
  'core.autocrlf=false',
  'core.fileMode=true',
  'core.symlinks=true',
  'core.sparseCheckout=false',
  'core.splitIndex=false',
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'index.version=2',
  'fetch.unpackLimit=1',
  'fetch.recurseSubmodules=false',
  'gc.autoDetach=false',
  'maintenance.autoDetach=false',
  'protocol.version=2',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=30',
]

export const ENVIRONMENT = {
  PATH,
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_LFS_SKIP_SMUDGE: '1',
  // Otherwise git would look for a repository from the current directory on.
  GIT_DIR: '/dev/null',
}

/** What simple-git takes for an attack is what is set above, by us. */
export const PERMITTED = { allowUnsafeHooksPath: true, allowUnsafeFsMonitor: true, allowUnsafeCredentialHelper: true, allowUnsafeSshCommand: true, allowUnsafeGpgProgram: true }
