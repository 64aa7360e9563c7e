// @ts-check
/** Every word of the page, in English. A word that counts is a function. */
export default {
  // Login
  lead: 'Say your name, and you are in.',
  leadTo: /** @param {{room: string}} _ */ ({ room }) => `Say your name, and you are in ${room}.`,
  yourName: 'Your name',
  join: 'Join',
  sayName: 'Say a name first.',
  queue: /** @param {{n: number}} _ */ ({ n }) => `The server is busy. What you typed stays here, and you go in by yourself in about ${n} s.`,
  nameTaken: 'That name is taken in this room. Try another.',

  // Around the room
  skip: 'Skip to the message box',
  rooms: 'Rooms',
  find: 'Find or make a room',
  newRoom: 'New room',
  roomName: 'A room’s name has small letters, digits, dots and dashes.',
  makeRoom: /** @param {{room: string}} _ */ ({ room }) => `Make ${room}`,
  peopleCount: /** @param {{n: number}} _ */ ({ n }) => `${n} here`,
  unread: /** @param {{room: string, n: number, mention: boolean}} _ */ ({ room, n, mention }) =>
    `${room}, ${n} unread${mention ? ', you are mentioned' : ''}`,
  leaveRoom: /** @param {{room: string}} _ */ ({ room }) => `Leave ${room}`,
  people: 'People',
  peopleHere: 'People here',
  you: '(you)',
  settings: 'Settings',
  close: 'Close',
  cancel: 'Cancel',

  // The link
  lost: /** @param {{n: number}} _ */ ({ n }) => `Connection lost. Trying again${n ? ` in ${n} s` : ''} — your messages are kept.`,
  busy: /** @param {{n: number}} _ */ ({ n }) => `The server is busy. Trying again${n ? ` in ${n} s` : ''} — your messages are kept.`,
  tryNow: 'Try now',

  // The log
  messagesIn: /** @param {{room: string}} _ */ ({ room }) => `Messages in ${room}`,
  loadOlder: 'Load older messages',
  begins: /** @param {{room: string}} _ */ ({ room }) => `This is where ${room} begins.`,
  empty: 'Nothing here yet. Say hello.',
  savedCopy: 'Saved copy: what you read last. It is brought up to date as soon as the connection is back.',
  newSince: /** @param {{time: string}} _ */ ({ time }) => `New since ${time}`,
  newMessages: /** @param {{n: number}} _ */ ({ n }) => (n === 1 ? '1 new message' : `${n} new messages`),
  jump: 'Jump to latest',
  today: 'Today',
  yesterday: 'Yesterday',

  // A line
  edited: '(edited)',
  gone: 'This message was deleted.',
  sending: 'Sending…',
  notSent: 'Not sent.',
  retry: 'Retry',
  delete: 'Delete',
  reply: 'Reply',
  edit: 'Edit',
  react: 'React',
  otherEmoji: 'Another emoji',
  findEmoji: 'Find an emoji by its name',
  noEmoji: 'No emoji of that name.',
  copyText: 'Copy text',
  lineOf: /** @param {{name: string}} _ */ ({ name }) => `Message by ${name}`,
  reactWith: /** @param {{emoji: string}} _ */ ({ emoji }) => `React with ${emoji}`,
  reaction: /** @param {{emoji: string, n: number, who: string}} _ */ ({ emoji, n, who }) => `${emoji} ${n}: ${who}`,
  messageTools: 'Message tools',
  earlier: 'An earlier message',
  goTo: /** @param {{name: string, text: string}} _ */ ({ name, text }) => `In reply to ${name}: ${text}`,

  // The box
  message: 'Message',
  writeTo: /** @param {{room: string}} _ */ ({ room }) => `Write to ${room}`,
  send: 'Send',
  save: 'Save',
  editing: 'Editing your message',
  replyingTo: /** @param {{name: string, text: string}} _ */ ({ name, text }) => `Replying to ${name}: ${text}`,
  charactersLeft: /** @param {{n: number}} _ */ ({ n }) => `${n} characters left`,
  charactersOver: /** @param {{n: number}} _ */ ({ n }) => `${n} characters too many`,
  typing: /** @param {{names: string[]}} _ */ ({ names }) =>
    names.length === 1 ? `${names[0]} is writing…`
    : names.length === 2 ? `${names[0]} and ${names[1]} are writing…` : 'Several people are writing…',

  // Settings
  appearance: 'Appearance',
  system: 'System',
  light: 'Light',
  dark: 'Dark',
  sounds: 'Sounds',
  notifications: 'Notifications',
  notificationsRefused: 'Your browser refuses notifications for this site. Its own settings can allow them.',
  enterSends: 'Enter sends',
  topic: 'What this room is about',
  leave: 'Leave',
  done: 'Done',

  // Trouble
  unreachable: 'The server cannot be reached. Check the connection and try again.',
  slowDown: 'That was a lot at once. Wait a moment and try again.',
  resting: 'The rooms are out of reach for a moment. Try again.',
  signedOut: 'You were signed out. Say your name again; what you wrote is kept.',
  backToRooms: 'Back to the rooms',
  notYours: 'This room is not open to you',
  notYoursWhy: 'Whoever keeps it can let you in. The other rooms are open.',
  noRoom: 'There is no such room',
  noRoomWhy: 'A room’s name has small letters, digits, dots and dashes. Perhaps the address was cut off.',
  broken: 'Something broke on our side',
  brokenWhy: 'It is not your doing, and what you wrote is kept in this browser. Try again in a moment.',
}
