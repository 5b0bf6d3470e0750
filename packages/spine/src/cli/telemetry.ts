/**
 * Sends traces to a collector over OTLP/HTTP, where the environment names one (OTEL_EXPORTER_OTLP_ENDPOINT and its kin,
 * as the exporter reads them). The packages are optional: they are loaded only then, and missing ones are named.
 */

import type { TracerProvider } from '@opentelemetry/sdk-trace'
import { UsageError } from './config.ts'

const packages = ['api', 'sdk-trace', 'resources', 'exporter-trace-otlp-http'].map((name) => `@opentelemetry/${name}`)

type Texts = Readonly<Record<string, string | undefined>>

/** Whether a collector is named, and nobody has switched traces off. */
export const wantsTraces = (environment: Texts): boolean =>
  Boolean(environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) &&
  environment.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' &&
  environment.OTEL_TRACES_EXPORTER !== 'none'

/** Registers the provider; the answer sends what is left and ends it. */
export async function startTelemetry(environment: Texts): Promise<() => Promise<void>> {
  const provider = await providerOf(environment).catch((error) => {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError(`Traces need packages that are not installed: npm install ${packages.join(' ')}`)
  })
  const { trace } = await import('@opentelemetry/api')
  trace.setGlobalTracerProvider(provider)
  return async () => {
    // A collector that is gone must not keep the server from ending well.
    await provider.shutdown().catch(() => {})
    trace.disable()
  }
}

async function providerOf(environment: Texts): Promise<TracerProvider> {
  const [{ BatchSpanProcessor, TracerProvider }, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ])
  const { defaultResource, resourceFromAttributes } = resources
  const named = resourceFromAttributes({ 'service.name': environment.OTEL_SERVICE_NAME ?? 'memory-spine' })
  // The exporter by name: in its place alone it would be taken for the options, and every span dropped.
  const spanProcessors = [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })]
  return new TracerProvider({ resource: defaultResource().merge(named), spanProcessors })
}
