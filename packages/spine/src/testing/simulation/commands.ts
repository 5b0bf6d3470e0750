/** From a drawn command to a call that is under way. */

import type { Call } from './call.ts'
import type { Starter } from './choosing.ts'
import type { Command, Kind } from './moods.ts'
import { receiverCommands } from './receiver-commands.ts'
import { senderCommands } from './sender-commands.ts'
import type { World } from './world.ts'

const starters: Readonly<Record<Kind, Starter>> = { ...senderCommands, ...receiverCommands }

/** `alone`: nothing else happens at the same time, so the model knows what must come. Nothing when it means nothing. */
export const startCommand = (world: World, { kind, n }: Command, alone: boolean): Call | undefined =>
  starters[kind](world, n, alone)
