/** One alert, and what to do about it. */
export interface Alert {
  readonly name: string
  readonly severity: 'warning' | 'critical'
  /** PromQL; each result is one server. */
  readonly expr: string
  /** It must last so long. */
  readonly for: string
  readonly summary: string
  /** For whoever is called. */
  readonly action: string
}

const server = 'by (namespace, pod, instance, model_name)'
const overload = 'altiplano_errors_total{code=~"server_overloaded|queue_timeout"}'
const restarts = (chosen: string): string => `increase(altiplano_child_restarts_total{${chosen}}[15m])`
const perServer = (rate: string): string => `sum ${server} (${rate})`
const p95 = (histogram: string): string =>
  `histogram_quantile(0.95, sum by (le, namespace, pod, instance, model_name) (rate(${histogram}_bucket[5m])))`

export const alerts: readonly Alert[] = [
  {
    name: 'AltiplanoNotReady',
    severity: 'critical',
    expr: 'altiplano_ready == 0',
    for: '10m',
    summary: 'The server runs and cannot serve.',
    action:
      'Ask `/health/ready` for the reason: a download or a large model may need longer; a file that is refused, or memory that is too small, does not mend itself.',
  },
  {
    name: 'AltiplanoEngineReplaced',
    severity: 'warning',
    expr: `${restarts('process="engine"')} > 0`,
    for: '0m',
    summary: 'The engine process died or hung, and was replaced. Streams went on.',
    action:
      "Look for `child down` in the log, with its cause, and `requests lost their engine`, with the requests' ids. Where the kernel killed it for want of memory the reason says so, beside what was planned: lower `--slots` or `--context-size`, or give it more.",
  },
  {
    name: 'AltiplanoEngineCrashesOften',
    severity: 'critical',
    expr: `${restarts('process="engine"')} >= 3`,
    for: '0m',
    summary:
      'The engine process keeps dying. After five crashes in five minutes the server ends, for Kubernetes to act.',
    action:
      'Compare the requests of several `requests lost their engine` lines: the same kind in each is the cause. Otherwise suspect memory, the driver of a GPU, or the model file; `altiplano inspect` checks its header.',
  },
  {
    name: 'AltiplanoTextProcessReplaced',
    severity: 'warning',
    expr: `${perServer(restarts('process=~"text|long-text"'))} > 0`,
    for: '0m',
    summary: 'The text process died, or a template, a prompt or a schema outran its time.',
    action:
      "Look for `child down` with `child: text` or `child: long-text`. A call that outran its budget is a client's doing: the `request` line beside it has the tenant's request id. One that got too little CPU is the machine's: give it more.",
  },
  {
    name: 'AltiplanoRequestQuarantined',
    severity: 'warning',
    expr: 'increase(altiplano_quarantined_total[15m]) > 0',
    for: '0m',
    summary:
      'A request was there when two engines stopped. It failed, and is not let in again for ten minutes.',
    action:
      'Its id is in `requests lost their engine` (`quarantined`). Ask its sender for it, and report it with the model.',
  },
  {
    name: 'AltiplanoInternalErrors',
    severity: 'critical',
    expr: `${perServer('increase(altiplano_errors_total{code=~"internal_error|engine_failed"}[10m])')} > 0`,
    for: '0m',
    summary: 'Requests failed through no fault of their clients.',
    action: 'Look for lines of level 50: they have the cause and the request.',
  },
  {
    name: 'AltiplanoOverloaded',
    severity: 'warning',
    expr: `${perServer(`rate(${overload}[5m])`)} > 0.05 * (${perServer('rate(altiplano_admitted_total[5m])')} + ${perServer(`rate(${overload}[5m])`)})`,
    for: '10m',
    summary: 'More than one request in twenty is turned away for want of room.',
    action:
      'Add replicas, or slots where memory allows. A single tenant that floods the server can be limited in the file of keys.',
  },
  {
    name: 'AltiplanoQueueSlow',
    severity: 'warning',
    expr: `${p95('altiplano_request_queue_time_seconds')} > 10`,
    for: '10m',
    summary: 'One request in twenty waits more than 10 s for a slot.',
    action:
      'As for AltiplanoOverloaded. Long generations hold slots: see `altiplano_request_generation_tokens`.',
  },
  {
    name: 'AltiplanoFirstTokenSlow',
    severity: 'warning',
    expr: `${p95('altiplano_time_to_first_token_seconds')} > 30`,
    for: '10m',
    summary: 'One request in twenty waits more than 30 s for its first token.',
    action:
      'Compare queue and prefill time. Long prefill: long prompts (`altiplano_request_prompt_tokens`) that the prefix cache does not know, or a CPU limit that throttles.',
  },
  {
    name: 'AltiplanoReadersStall',
    severity: 'warning',
    expr: 'increase(altiplano_aborted_total{reason="stalled"}[15m]) > 5',
    for: '0m',
    summary: 'Clients hold streams open and do not read. They are cut off.',
    action: 'Lines `request` with `stalled` have the ids. A proxy that buffers without end looks the same.',
  },
  {
    name: 'AltiplanoParkingFails',
    severity: 'warning',
    expr: 'increase(altiplano_kv_parking_failures_total[15m]) > 0',
    for: '0m',
    summary: 'Prefixes cannot be written or read back. They are computed again: slow, not wrong.',
    action: 'Is the volume of `--kv-cache-dir`, or `/dev/shm`, full or read-only?',
  },
  {
    name: 'AltiplanoGatewayBusy',
    severity: 'warning',
    expr: 'nodejs_eventloop_lag_p99_seconds{model_name!=""} > 0.25',
    for: '10m',
    summary: 'The gateway process is slow to react: streams stutter, and probes may fail.',
    action: 'It shares its cores with the engine: leave it one (`--threads`), or raise the CPU limit.',
  },
  {
    name: 'AltiplanoDescriptorsRunOut',
    severity: 'critical',
    expr: 'process_open_fds{model_name!=""} / process_max_fds{model_name!=""} > 0.8',
    for: '5m',
    summary: 'Connections will soon be refused.',
    action: 'Many idle connections of one client, or a limit on open files that is too low.',
  },
]
