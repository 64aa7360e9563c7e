// @ts-check

const UNSEEN = 100 // milliseconds, where no frames come

/** Has something drawn once with the next frame, however often it is asked for. @param {() => void} draw */
export function perFrame(draw) {
  let asked = false
  const run = () => { asked = false; draw() }
  return () => {
    if (asked) return
    asked = true
    if (document.hidden) setTimeout(run, UNSEEN)
    else requestAnimationFrame(run)
  }
}
