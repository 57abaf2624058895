import { imdsServer } from '../support/imds-server.ts'

/** The tests' metadata service at EC2's own address: to be started in a network namespace that has it on its loopback.
 *  Its documents are JSON in its one argument. It says `ready`, and, once its input ends, what it was asked; then it ends. */

const ends: (() => unknown)[] = []
const server = await imdsServer(
  { teardown: end => void ends.push(end as () => unknown) },
  { host: '169.254.169.254', port: 80, documents: JSON.parse(process.argv[2] as string) as Record<string, string> },
)
process.stdout.write('ready\n')
process.stdin.resume().once('end', async () => {
  for (const end of ends) await end()
  process.stdout.write(`${JSON.stringify(server.requests)}\n`)
})
