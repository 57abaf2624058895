/** The machine's identity, as the metadata service (or the instance file) gives it. Absent values are null. */
export interface Instance {
  readonly id: string
  readonly type: string | null
  readonly region: string | null
  readonly zone: string | null
  readonly privateIp: string | null
  readonly publicIp: string | null
  readonly publicHostname: string | null
  /** Names, in the order the metadata service lists them. */
  readonly securityGroups: readonly string[]
  readonly tags: Readonly<Record<string, string>>
}

/** What the machine is, whoever it is. Memory in bytes. */
export interface Host {
  /** e.g. 'debian', from os-release's ID. */
  readonly os: string
  readonly family: 'debian' | 'redhat' | 'other'
  /** e.g. '12', from os-release's VERSION_ID; '' where there is none. */
  readonly version: string
  /** As Debian writes it: amd64, arm64. */
  readonly architecture: string
  readonly cpus: number
  readonly memory: number
}
