// @ts-check

const LONG = 500 // milliseconds that a finger stays for a long press
const SLIP = 10 // pixels that it may move meanwhile

/** Calls back when a finger, or a pen, stays on one place. @param {HTMLElement} within @param {(target: EventTarget | null) => boolean} onLong reports whether it meant anything there */
export function onLongPress(within, onLong) {
  let timer = 0
  let pressed = false // what was pressed long is no tap any more
  /** @type {{x: number, y: number, target: EventTarget | null} | undefined} */
  let began
  const end = () => { clearTimeout(timer); began = undefined }

  within.addEventListener('pointerdown', event => {
    end()
    pressed = false
    if (event.pointerType === 'mouse' || !event.isPrimary) return
    began = { x: event.clientX, y: event.clientY, target: event.target }
    timer = setTimeout(long, LONG)
  })
  within.addEventListener('pointermove', event => {
    if (began && Math.hypot(event.clientX - began.x, event.clientY - began.y) > SLIP) end()
  })
  for (const over of ['pointerup', 'pointercancel']) within.addEventListener(over, end)
  within.addEventListener('contextmenu', event => { // as Android says it, before the timer or after
    if (began) long()
    if (pressed) event.preventDefault()
  })
  within.addEventListener('click', event => {
    if (!pressed) return
    pressed = false
    event.preventDefault()
    event.stopPropagation()
  }, { capture: true })

  function long() {
    const target = began?.target ?? null
    end()
    pressed = onLong(target)
  }
}
