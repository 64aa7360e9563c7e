// @ts-check

/** Has one run at a time. @param {() => Promise<void>} run */
export function oneAtATime(run) {
  let running = false
  return () => {
    if (running) return
    running = true
    run().catch(() => {}).finally(() => { running = false })
  }
}
