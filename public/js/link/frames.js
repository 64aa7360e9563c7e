// @ts-check

/** Takes the bytes of an event stream as they come, and gives what is whole in them. */
export class Frames {
  #rest = ''

  /** @param {string} text @returns {import('../chat.js').Heard[]} */
  push(text) {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.flatMap(block => {
      const data = block.split('\n').find(line => line.startsWith('data:'))
      return data ? [JSON.parse(data.slice('data:'.length))] : []
    })
  }
}
