import type { Ec2 } from './ec2.ts'

/** The tags of an instance, or of whatever else has some, as the API has them: for where the metadata service does not tell them, or not yet. */
export async function tagsOf(resourceId: string, ec2: Ec2, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  // At most fifty of them: one page.
  const { Tags = [] } = await ec2.ask(
    'DescribeTags',
    (client, sdk, options) => client.send(new sdk.DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [resourceId] }] }), options),
    { signal, on: resourceId },
  )
  return Object.fromEntries(Tags.filter(one => one.ResourceId === resourceId).map(({ Key = '', Value = '' }) => [Key, Value]))
}
