import { basename, dirname, join } from 'node:path'
import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import type { Observer } from '../core/machine.ts'
import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type ApplyContext, type CommonProps, type Resource } from '../core/resource.ts'
import { checkDownload, download } from './download.ts'
import { parentsToMake } from './parents.ts'
import { unpack } from './unpack.ts'

export interface ArchiveProps extends CommonProps {
  /** Absolute: the directory that holds what is in the archive, and nothing else. Missing parents are made (0755). Where the checksum
   *  changes the whole directory is replaced; one that came from no archive is refused, unless it is empty. */
  readonly path: string
  /** http, https or file, of a tar archive: plain, or compressed with gzip, zstd or brotli (.tbr, .tar.br); with xz or bzip2 where that program is
   *  installed. Told by what it is, not by its name. */
  readonly url: string
  /** Of the archive as it is downloaded: 64 hex digits. */
  readonly sha256: string
}

/** Inside the directory, so that it comes and goes with it. */
const STAMP = '.sunup-archive'

/** An archive, unpacked. Files belong to whoever runs sunup, whatever owners the archive names; set-id bits are dropped. What the archive holds
 *  is not looked at again: the stamp of its checksum decides, at the price of one small read.
 *  @throws Failure `resource.invalid`, `secret.misplaced`; its check `file.kind`, `file.denied`; its apply `archive.invalid` (a name or link that leads
 *  out of it, a device, no archive), `download.missing`, `download.denied`, `download.checksum`, `network.failed`, `disk.full`, `absent.command` */
export function archive(props: ArchiveProps): Resource {
  const path = props.path
  const label = `archive[${path}]`
  checkProps(label, props, { ...COMMON_PROPS, path: 'plainPath', url: 'string', sha256: 'string' })
  const source = checkDownload(label, props)
  const wanted = `sha256:${source.sha256}`
  const beside = (what: string): string => join(dirname(path), `.sunup-${what}-${basename(path).slice(-40)}`)
  const [coming, fresh, old] = [beside('download'), beside('unpacked'), beside('replaced')]

  async function replace({ machine, signal }: ApplyContext): Promise<void> {
    machine.remove(fresh)
    machine.write(coming, '', { mode: '0600' })
    try {
      await download(source, machine.hostPath(coming), signal)
      machine.makeDirectory(fresh, { mode: '0755' })
      await unpack(coming, fresh, label, machine, signal)
      // Before the new directory is there: once it is, the next check finds nothing to do.
      machine.remove(coming)
      machine.write(`${fresh}/${STAMP}`, `${wanted}\n`)
      if (machine.stat(path) !== undefined) machine.rename(path, old)
      machine.rename(fresh, path)
    } finally {
      machine.remove(coming)
      machine.remove(fresh)
    }
  }

  return {
    ...resourceBase({ kind: 'archive', key: path, props }),
    occupies: { path, as: 'directory' },

    check({ observer }) {
      const changes: Change[] = []
      const from = stampOf(path, observer)
      if (from === undefined) changes.push({ type: 'create', field: 'checksum', to: wanted, ...parentsToMake(path, observer) })
      else if (from !== wanted) changes.push({ type: 'update', field: 'checksum', from, to: wanted })
      if (observer.stat(old) !== undefined) changes.push({ type: 'remove', field: 'leftover', from: basename(old) })
      return changes
    },

    async apply(changes, context) {
      context.machine.remove(old)
      if (changes.some(change => change.field === 'checksum')) await replace(context)
      context.machine.remove(old)
    },
  }
}

/** What the directory came from; undefined: it is not there, or empty. */
function stampOf(path: string, observer: Observer): string | undefined {
  const stamp = observer.readText(`${path}/${STAMP}`)?.trim()
  if (stamp !== undefined) return stamp
  const found = observer.stat(path)
  if (found === undefined || (found.kind === 'directory' && observer.list(path)?.length === 0)) return undefined
  throw new Failure('file.kind', `${path} is there, and did not come from an archive`, { hint: 'Move it away, or choose another path: the whole directory would be replaced.' })
}
