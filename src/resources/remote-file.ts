import { basename, dirname, join } from 'node:path'
import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { checkProps } from '../core/props.ts'
import { ownersCount } from '../core/owner.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { applyAttributes, attributeChanges } from './attributes.ts'
import { checkDownload, checksumOf, download } from './download.ts'
import { parentsToMake } from './parents.ts'

export interface RemoteFileProps extends CommonProps {
  /** Absolute. Missing parent directories are made (0755). A link that stands there is replaced, a directory is refused. */
  readonly path: string
  /** http, https or file; redirects are followed. Its query, where signatures stand, is in no message. */
  readonly url: string
  /** 64 hex digits. It decides: a file that has it is left alone and nothing is fetched, whatever the server has by now.
   *  Not optional: without it nobody could say whether the file is what was meant. */
  readonly sha256: string
  /** Octal. Default: as the file has it; 0644 for a new one. */
  readonly mode?: string | undefined
  /** User name, or a uid as text. Default: as the file has it; whoever runs sunup for a new one. */
  readonly owner?: string | undefined
  /** Group name, or a gid as text. Default as for the owner. */
  readonly group?: string | undefined
}

/** A file from elsewhere. It is fetched beside its place, verified, and put there in one rename.
 *  @throws Failure `resource.invalid`, `secret.misplaced`; its check `file.kind`, `file.denied`; its apply `download.missing`, `download.denied`,
 *  `download.checksum`, `network.failed`, `disk.full` */
export function remoteFile(props: RemoteFileProps): Resource {
  const { path, mode, owner, group } = props
  const label = `remoteFile[${path}]`
  checkProps(label, props, { ...COMMON_PROPS, path: 'plainPath', url: 'string', sha256: 'string', mode: 'mode?', owner: 'string?', group: 'string?' })
  const source = checkDownload(label, props)
  const wanted = `sha256:${source.sha256}`
  const coming = join(dirname(path), `.sunup-download-${basename(path).slice(-40)}`)
  return {
    ...resourceBase({ kind: 'remoteFile', key: path, props }),
    occupies: { path, as: 'file' },

    async check({ observer, signal }) {
      const found = observer.stat(path)
      if (found?.kind === 'directory' || found?.kind === 'other') {
        throw new Failure('file.kind', `${path} should be a file, but is ${found.kind === 'directory' ? 'a directory' : 'a device, socket or pipe'}`, {
          hint: 'It is not replaced: move it away, or choose another path.',
        })
      }
      const file = found?.kind === 'file' ? found : undefined
      const attributes = attributeChanges(file, props, observer)
      if (found === undefined) return [{ type: 'create', field: 'content', to: wanted, ...parentsToMake(path, observer) }, ...attributes]
      const from = file ? `sha256:${await checksumOf(observer.hostPath(path), signal)}` : `a link to ${observer.readLink(path)}`
      const changes: Change[] = from === wanted ? [] : [{ type: 'update', field: 'content', from, to: wanted }]
      return [...changes, ...attributes]
    },

    async apply(changes, { machine, signal }) {
      if (!changes.some(change => change.field === 'content')) return applyAttributes(path, props, changes, machine)
      const found = machine.stat(path)
      const old = found?.kind === 'file' ? found : undefined
      const keeps = old !== undefined && machine.privileged && ownersCount(machine)
      machine.write(coming, '', { mode: '0600' })
      try {
        await download(source, machine.hostPath(coming), signal)
        machine.setOwner(coming, owner ?? (keeps ? `+${old.uid}` : undefined), group ?? (keeps ? `+${old.gid}` : undefined))
        machine.setMode(coming, mode ?? old?.mode ?? '0644')
        machine.rename(coming, path)
      } catch (error) {
        machine.remove(coming)
        throw error
      }
    },
  }
}
