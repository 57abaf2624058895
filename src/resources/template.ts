import { Failure } from '../core/failure.ts'
import { checkProps } from '../core/props.ts'
import type { Asset } from '../core/recipe.ts'
import { COMMON_PROPS, resourceBase, type Resource } from '../core/resource.ts'
import { applyFile, checkFile, checkFileProps, FILE_PROPS } from './content.ts'
import type { FileProps } from './file.ts'
import { render } from './mustache.ts'

export interface TemplateProps extends Omit<FileProps, 'content'> {
  /** The template: `asset('app.conf.mustache')`. */
  readonly source: Asset
  /** What its names stand for. A secret among them makes the whole text secret. Default: none. */
  readonly vars?: Readonly<Record<string, unknown>> | undefined
  /** What `{{> name}}` takes in, by name. Default: none. */
  readonly partials?: Readonly<Record<string, Asset>> | undefined
}

/** A file made from a mustache template. It is rendered here and now, so a name that is missing is found before anything is touched.
 *  @throws Failure `template.name`, `template.missing`, `template.invalid`, `resource.invalid`; its check and apply as file's */
export function template(props: TemplateProps): Resource {
  const label = `template[${props.path}]`
  checkProps(label, props, { ...COMMON_PROPS, ...FILE_PROPS, source: 'any', vars: 'record?', partials: 'record?' })
  checkFileProps(label, props)
  for (const [key, asset] of Object.entries({ source: props.source, ...props.partials })) checkAsset(label, key, asset)
  const { source, vars, partials, ...rest } = props
  // What was rendered says all there is to say of source, vars and partials: two templates with one result are one resource.
  const wanted = { ...rest, content: render(source, vars ?? {}, partials) }
  return {
    ...resourceBase({ kind: 'template', key: props.path, props: wanted }),
    occupies: { path: props.path, as: 'file' },
    check: ({ observer }) => checkFile(wanted, observer),
    apply: (changes, context) => applyFile(wanted, changes, context),
  }
}

function checkAsset(label: string, key: string, asset: unknown): void {
  if (typeof asset === 'object' && asset !== null && 'text' in asset && typeof asset.text === 'function') return
  throw new Failure('resource.invalid', `${label}: "${key}" must be an asset, found ${JSON.stringify(asset)}`, { hint: "Write asset('name') in the recipe." })
}
