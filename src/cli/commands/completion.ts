import { completionScript, type Shell } from '../completion.ts'
import { EVERYWHERE, VERBS, type Command } from '../verbs.ts'

const completion: Command = async (asked, world) => {
  world.write(completionScript(asked.arguments[0] as Shell, { name: 'sunup', commands: VERBS, options: EVERYWHERE }))
  return 0
}

export default completion
