import type { Test } from 'tap'
import { awsCalls, type Calls } from '../../src/clouds/aws/calls.ts'
import { awsAccess, type Access } from '../../src/clouds/aws/client.ts'
import { fakeClock, type FakeClock } from './fake-clock.ts'

export interface TestAccess {
  readonly access: Access
  readonly calls: Calls
  readonly clock: FakeClock
}

/** The way to an AWS of the test's own, with keys that mean nothing; waits take no time.
 *  @param endpoint on loopback */
export function testAccess(t: Test, endpoint: string, random = Math.random): TestAccess {
  const before = { ...process.env }
  // The SDK finds its endpoint by the environment, as it does for users.
  Object.assign(process.env, { AWS_ENDPOINT_URL: endpoint, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9', AWS_CONFIG_FILE: '/nonexistent/config', AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials' })
  const clock = fakeClock()
  const calls = awsCalls({ clock, random })
  const access = awsAccess({ calls, region: async () => 'eu-west-1', credentials: async () => ({ accessKeyId: 'nobody', secretAccessKey: 'nobody' }) })
  t.teardown(() => {
    access.dropSockets()
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_EC2_METADATA_SERVICE_ENDPOINT', 'AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  })
  return { access, calls, clock }
}
