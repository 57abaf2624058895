import { basename, dirname } from 'node:path'
import type { Machine } from '../core/machine.ts'

/** What a checker is to see in place of the directory that a tree lies in. */
export interface TreeView {
  /** Where the tree's link is, e.g. '/etc/nginx/sunup'. */
  readonly path: string
  /** Where the staged tree is. */
  readonly staged: string
  /** Paths that will be gone. */
  readonly replaces: readonly string[]
  /** Directories that the checker writes to: for a user who is not root, empty ones of his own. */
  readonly scratch: readonly string[]
}

/** Printed once the view stands: what comes after is the checker's own. */
const READY = 'sunup: the view stands'

/** $1 the view, $2 the directory it is made from, $3 where the checker looks for it, $4 `staging` or not, $5 `root` or not; the scratch
 *  directories up to `--`; the checker. A staging root takes what it lacks from the host: the main configuration is its package's.
 *  Whoever is not root is it in the namespace, to mount, and then nobody, who may use low ports and any address, in a network of his own:
 *  a server that finds itself root would give its files to accounts that do not exist there. */
const SCRIPT = `
view=$1 from=$2 at=$3 staging=$4 root=$5; shift 5
mount --rbind "$from" "$view/.real" || exit
if [ "$staging" = staging ]; then
  mount --rbind "$at" "$view/.host" || exit
  for entry in "$view"/.host/* "$view"/.host/.[!.]*; do
    name=\${entry##*/}
    [ -e "$view/$name" ] || [ -L "$view/$name" ] || [ ! -e "$entry" ] || ln -s ".host/$name" "$view/$name" || exit
  done
fi
mount --rbind "$view" "$at" || exit
while [ "$1" != -- ]; do
  [ "$root" = root ] || [ ! -d "$1" ] || mount -t tmpfs tmpfs "$1" || exit
  shift
done
shift
command -v "$1" >/dev/null || { echo '${READY}'; exit 127; }
if [ "$root" = root ]; then echo '${READY}'; exec "$@"; fi
exec unshare --user --net --map-user=65534 --keep-caps sh -c '
  for family in ipv4 ipv6; do echo 1 >/proc/sys/net/$family/ip_nonlocal_bind; done 2>/dev/null
  echo "${READY}"; exec "$@"' sh "$@"
`

/** The command that runs a checker in a mount namespace of its own, in which the staged tree is live; undefined where there can be none.
 *  Writes what it needs beside the staged tree, to `<path>.d/view`. */
export function viewedCommand(machine: Machine, { path, staged, replaces, scratch }: TreeView, checker: readonly string[]): readonly string[] | undefined {
  const parent = dirname(path)
  if (parent === '/') return undefined
  const view = `${path}.d/view`
  machine.remove(view)
  machine.makeDirectory(`${view}/.real`)
  if (machine.staging) machine.makeDirectory(`${view}/.host`)

  const hidden = replaces.filter(one => one.startsWith(`${parent}/`))
  // Where something is replaced one enables things: what the host has enabled is not the staging root's.
  for (const one of hidden) machine.makeDirectory(`${view}${dirname(one).slice(parent.length)}`)
  const fill = (directory: string, up: string): void => {
    for (const entry of machine.list(directory) ?? []) {
      const real = `${directory}/${entry}`
      if (real === path || hidden.includes(real)) continue
      const below = real.slice(parent.length)
      if (hidden.some(one => one.startsWith(`${real}/`))) fill(real, `../${up}`)
      else machine.link(`${view}${below}`, `${up}.real${below}`)
    }
  }
  fill(parent, '')
  machine.link(`${view}/${basename(path)}`, `.real${staged.slice(parent.length)}`)

  const asRoot = machine.privileged
  const namespace = asRoot ? ['unshare', '--mount', '--propagation', 'private'] : ['unshare', '--map-root-user', '--mount', '--propagation', 'private']
  const given = [machine.hostPath(view), machine.hostPath(parent), parent, machine.staging ? 'staging' : 'live', asRoot ? 'root' : 'user']
  return [...namespace, 'sh', '-c', SCRIPT, 'sunup', ...given, ...scratch, '--', ...checker]
}

/** What was said before the checker ran, and by it; undefined: it did not run. */
export function saidInView(stdout: string, stderr: string): string | undefined {
  const start = stdout.indexOf(READY)
  return start === -1 ? undefined : `${stdout.slice(start + READY.length + 1)}${stderr}`
}
