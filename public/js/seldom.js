// @ts-check

// What most visits do without, as one file: each more would be one more request.
export { showInvite } from './join.js'
export { Rights } from './rights/rights.js'
export { Alerts } from './room/alerts.js'
export { chooseEmoji } from './room/emoji.js'
export { showDevices } from './room/devices.js'
export { showKeys } from './room/help.js'
export { showPasskeys } from './room/passkeys.js'
export { askForName } from './room/rename.js'
export { openSheet } from './room/sheet.js'
export { askToSignOut } from './room/signout.js'
export { Search } from './room/search.js'
export { makePasskey, showPasskey } from './passkey.js'
export { showTransfer } from './transfer.js'

// Named for the compiler alone: what main.js, the rooms and this file share is one file then, and not two.
export { transports } from './link/transports.js'
export { rendered } from './rendered.js'
