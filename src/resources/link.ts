import { Failure } from '../core/failure.ts'
import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { parentsToMake } from './parents.ts'

export interface LinkProps extends CommonProps {
  /** Absolute: where the link stands. Missing parent directories are made (0755). A file or directory that stands there is refused. */
  readonly path: string
  /** What it says, as it is written; need not exist. Relative to the link's directory, or absolute (in a staging root: as seen from there). */
  readonly to: string
}

/** A symbolic link, swung in one rename.
 *  @throws Failure `resource.invalid`; its check `file.kind`, `file.denied` */
export function link(props: LinkProps): Resource {
  const { path, to } = props
  checkProps(`link[${path}]`, props, { ...COMMON_PROPS, path: 'plainPath', to: 'string' })
  return {
    ...resourceBase({ kind: 'link', key: path, props }),
    occupies: { path, as: 'link' },
    check({ observer }) {
      const found = observer.stat(path)
      if (found === undefined) return [{ type: 'create', field: 'to', to, ...parentsToMake(path, observer) }]
      if (found.kind !== 'link') {
        throw new Failure('file.kind', `${path} should be a link, but is a ${found.kind === 'other' ? 'device, socket or pipe' : found.kind}`, {
          hint: 'It is not replaced: move it away, or choose another path.',
        })
      }
      const from = observer.readLink(path) ?? ''
      return from === to ? [] : [{ type: 'update', field: 'to', from, to }]
    },
    apply: (_changes, { machine }) => machine.link(path, to),
  }
}
