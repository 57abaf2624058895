import type { EC2Client } from '@aws-sdk/client-ec2'
import type { Asked, SendOptions } from './calls.ts'
import type { Access } from './client.ts'
import { kept } from './kept.ts'
import { refuseForeignAnswers } from './own-answers.ts'

type Sdk = typeof import('./sdk/ec2.ts')

/** The one way to EC2. Its client is loaded by the first call. */
export interface Ec2 {
  /** @param action as IAM names it, without `ec2:`. @throws Failure as `Calls.ask` */
  ask<T>(action: string, send: (client: EC2Client, sdk: Sdk, options: SendOptions) => Promise<T>, asked: Asked): Promise<T>
}

export function ec2(access: Access): Ec2 {
  const open = kept(async (signal: AbortSignal) => {
    const [settings, sdk] = await Promise.all([access.settings(signal), import('./sdk/ec2.ts')])
    const client = new sdk.EC2Client(settings)
    refuseForeignAnswers(client)
    return { client, sdk }
  })
  return {
    async ask(action, send, asked) {
      const { client, sdk } = await open(asked.signal)
      return await access.calls.ask(`ec2:${action}`, options => send(client, sdk, options), asked)
    },
  }
}
