/** A panel of lines; each query is of one server or of all that the dashboard's variables choose. */
interface Panel {
  readonly title: string
  readonly unit: string
  readonly queries: readonly { readonly expr: string; readonly legend: string }[]
}

const chosen = 'namespace=~"$namespace", model_name=~"$model"'
/** `$name{chosen}` with more labels. */
const of = (name: string, more = ''): string => `${name}{${chosen}${more === '' ? '' : `, ${more}`}}`
const rate = (name: string, more = ''): string => `rate(${of(name, more)}[$__rate_interval])`
const sum = (expr: string, by = 'model_name'): string => `sum by (${by}) (${expr})`
const quantiles = (histogram: string): Panel['queries'] =>
  [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${sum(rate(`${histogram}_bucket`), 'le, model_name')})`,
    legend: `p${100 * quantile} {{model_name}}`,
  }))
const line = (expr: string, legend: string): Panel['queries'][number] => ({ expr, legend })

export const panels: readonly Panel[] = [
  { title: 'Ready servers', unit: 'none', queries: [line(sum(of('altiplano_ready')), '{{model_name}}')] },
  {
    title: 'Requests by how they ended',
    unit: 'reqps',
    queries: [line(sum(rate('altiplano_request_success_total'), 'finished_reason'), '{{finished_reason}}')],
  },
  {
    title: 'Errors by code',
    unit: 'reqps',
    queries: [line(sum(rate('altiplano_errors_total'), 'code'), '{{code}}')],
  },
  {
    title: 'Running and waiting',
    unit: 'none',
    queries: [
      line(sum(of('vllm:num_requests_running')), 'running {{model_name}}'),
      line(sum(of('vllm:num_requests_waiting')), 'waiting {{model_name}}'),
    ],
  },
  { title: 'Time to first token', unit: 's', queries: quantiles('altiplano_time_to_first_token_seconds') },
  { title: 'Inter-token latency', unit: 's', queries: quantiles('altiplano_inter_token_latency_seconds') },
  { title: 'Time in the queue', unit: 's', queries: quantiles('altiplano_request_queue_time_seconds') },
  { title: 'Whole request', unit: 's', queries: quantiles('altiplano_e2e_request_latency_seconds') },
  {
    title: 'Tokens',
    unit: 'none',
    queries: [
      line(sum(rate('altiplano_generation_tokens_total')), 'generated/s {{model_name}}'),
      line(sum(rate('altiplano_prompt_tokens_total')), 'prompt/s {{model_name}}'),
    ],
  },
  {
    title: 'KV cache in use',
    unit: 'percentunit',
    queries: [line(`avg by (model_name) (${of('vllm:kv_cache_usage_perc')})`, '{{model_name}}')],
  },
  {
    title: 'Prompt tokens found in the prefix cache',
    unit: 'percentunit',
    queries: [
      line(
        `${sum(rate('altiplano_prefix_cache_hits_total'))} / ${sum(rate('altiplano_prefix_cache_queries_total'))}`,
        '{{model_name}}',
      ),
    ],
  },
  {
    title: 'Forward pass',
    unit: 's',
    queries: quantiles('altiplano_step_seconds'),
  },
  {
    title: 'Processes replaced',
    unit: 'none',
    queries: [
      line(sum(of('altiplano_child_restarts_total'), 'process, model_name'), '{{process}} {{model_name}}'),
    ],
  },
  {
    title: 'Requests that lost an engine, and clients that left',
    unit: 'reqps',
    queries: [
      line(sum(rate('altiplano_resumed_total')), 'resumed {{model_name}}'),
      line(sum(rate('altiplano_quarantined_total')), 'quarantined {{model_name}}'),
      line(sum(rate('altiplano_aborted_total'), 'reason'), '{{reason}}'),
    ],
  },
  {
    title: 'Slots given up to others',
    unit: 'ops',
    queries: [line(sum(rate('altiplano_preemptions_total')), '{{model_name}}')],
  },
  {
    title: 'Memory of the gateway',
    unit: 'bytes',
    queries: [line(of('process_resident_memory_bytes'), '{{pod}} {{instance}}')],
  },
  {
    title: 'Event loop of the gateway, p99 lag',
    unit: 's',
    queries: [line(of('nodejs_eventloop_lag_p99_seconds'), '{{pod}} {{instance}}')],
  },
]

const variable = (name: string, label: string, query: string): object => ({
  name,
  label,
  type: 'query',
  query: { query, refId: name },
  datasource: { type: 'prometheus', uid: '$datasource' },
  refresh: 2,
  includeAll: true,
  allValue: '.*',
  multi: true,
  current: { text: 'All', value: '$__all' },
})

/** Grafana's own format of a dashboard, as a person imports it. */
export function dashboardFile(): string {
  const dashboard = {
    uid: 'altiplano',
    title: 'Altiplano',
    tags: ['altiplano', 'llm'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        variable('namespace', 'Namespace', 'label_values(altiplano_ready, namespace)'),
        variable('model', 'Model', 'label_values(altiplano_ready, model_name)'),
      ],
    },
    panels: panels.map(({ title, unit, queries }, index) => ({
      id: index + 1,
      type: 'timeseries',
      title,
      datasource: { type: 'prometheus', uid: '$datasource' },
      gridPos: { x: 12 * (index % 2), y: 8 * Math.floor(index / 2), w: 12, h: 8 },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
      targets: queries.map(({ expr, legend }, target) => ({
        refId: String.fromCharCode(65 + target),
        expr,
        legendFormat: legend,
      })),
    })),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}
