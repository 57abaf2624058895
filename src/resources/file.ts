import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import type { Secret } from '../core/secret.ts'
import { applyFile, checkFile, checkFileProps, FILE_PROPS } from './content.ts'

export interface FileProps extends CommonProps {
  /** Absolute. Missing parent directories are made (0755). A link that stands there is replaced, a directory is refused. */
  readonly path: string
  /** The whole content, as UTF-8. Made with a secret it is in no diff, event or report. */
  readonly content: string | Secret
  /** Octal, e.g. '0644'. Default: as the file has it; 0644 for a new one; always 0600 for a secret. */
  readonly mode?: string | undefined
  /** User name, or a uid as text. Default: as the file has it; whoever runs sunup for a new one. */
  readonly owner?: string | undefined
  /** Group name, or a gid as text. Default as for the owner. */
  readonly group?: string | undefined
  /** A command that tries the new content before it replaces the old: an argv in which `{path}` is the staged file.
   *  If it fails, the old file stays. */
  readonly verify?: readonly string[] | undefined
  /** Keeps what is replaced as `<path>.sunup-<n>`: true for the last one, or how many. Default: none. */
  readonly backup?: boolean | number | undefined
}

/** A regular file with this content, replaced in one rename: a reader sees the old or the new, never half.
 *  @throws Failure `resource.invalid`; its check `file.kind`, `file.denied`, `absent.user`, `absent.group`; its apply `file.refused`, `disk.full` */
export function file(props: FileProps): Resource {
  const label = `file[${props.path}]`
  checkProps(label, props, { ...COMMON_PROPS, ...FILE_PROPS, content: 'text' })
  checkFileProps(label, props)
  return {
    ...resourceBase({ kind: 'file', key: props.path, props }),
    occupies: { path: props.path, as: 'file' },
    check: ({ observer }) => checkFile(props, observer),
    apply: (changes, context) => applyFile(props, changes, context),
  }
}
