/** How it goes: the report of a window, and the alerts that are open. */

import { useEffect } from 'preact/hooks'
import type { Alert } from '../../../spine/src/protocol/alert.ts'
import type { HealthReport } from '../../../spine/src/protocol/health.ts'
import { call } from '../core/call.ts'
import { type Live, useLive } from '../core/live.ts'

export type Window = HealthReport['window']

/** A window moves on even when nothing happens, so the report is read by the clock and not by events. */
const refresh_ms = 2_000

export function useHealth(window: Window, target: string): Live<HealthReport> {
  const live = useLive(`health ${window} ${target}`, (signal) =>
    call('health', 'report', { window, ...(target && { target }) }, signal),
  )
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) live.again()
    }, refresh_ms)
    return () => clearInterval(timer)
  }, [window, target])
  return live
}

export const useAlerts = (): Live<{ alerts: Alert[] }> =>
  useLive(
    'alerts',
    (signal) => call('alerts', 'list', { limit: 100 }, signal),
    ({ type }) => type.startsWith('alert.'),
  )
