/** The time, for ages that grow on the page. */

import { useEffect, useState } from 'preact/hooks'

export function useNow(every_ms = 1_000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms)
    return () => clearInterval(timer)
  }, [every_ms])
  return now
}
