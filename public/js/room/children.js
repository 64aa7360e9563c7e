// @ts-check

/** Makes these the children of a list, touching only what differs. @param {Element} list @param {Iterable<Element>} items */
export function setChildren(list, items) {
  const wanted = new Set(items)
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove()
  let at = list.firstElementChild
  for (const item of wanted) {
    if (item === at) at = at.nextElementSibling
    else list.insertBefore(item, at)
  }
}
