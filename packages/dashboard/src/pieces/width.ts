/** The width that a drawing has. Drawings are made for it; text is never scaled. */

import { useLayoutEffect, useRef, useState } from 'preact/hooks'

export function useWidth<E extends Element>(first = 400) {
  const ref = useRef<E>(null)
  const [width, setWidth] = useState(first)
  useLayoutEffect(() => {
    const element = ref.current
    if (!element) return
    const measure = () => setWidth(Math.max(40, Math.floor(element.getBoundingClientRect().width)))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return { ref, width }
}
