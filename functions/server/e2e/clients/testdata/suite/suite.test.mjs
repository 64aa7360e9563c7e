// The official tests for servers of Durable Streams, at the shim's address.
import { runConformanceTests } from '@durable-streams/server-conformance-tests'

runConformanceTests({ baseUrl: process.env.SHIM, longPollTimeoutMs: 26_000 })
