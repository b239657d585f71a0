import type { Json } from './pod-merge.ts'

const probe = (periodSeconds: number, timeoutSeconds: number, failureThreshold: number): Json => ({
  httpGet: {
    path: '/health',
    port: 8000,
    scheme: '{{ if .GlobalConfig.EnableTLS }}HTTPS{{ else }}HTTP{{- end }}',
  },
  periodSeconds,
  timeoutSeconds,
  failureThreshold,
})

/** What KServe v0.20's preset says of the pod of vLLM, as far as it reaches ours (config-llm-template.yaml). */
export const llmPreset: Json = {
  terminationGracePeriodSeconds: 60,
  containers: [
    {
      name: 'main',
      image: 'llm-d-cuda',
      command: ['/bin/bash', '-c', 'vllm serve'],
      args: ['--served-model-name', '{{ .Spec.Model.Name }}'],
      env: [
        { name: 'HOME', value: '/home' },
        { name: 'HF_HUB_CACHE', value: '/models' },
      ],
      ports: [{ containerPort: 8000, protocol: 'TCP' }],
      startupProbe: probe(10, 10, 60),
      readinessProbe: probe(1, 1, 2),
      livenessProbe: probe(10, 1, 10),
      lifecycle: { preStop: { exec: { command: ['/bin/sleep', '15'] } } },
      securityContext: { readOnlyRootFilesystem: false, runAsNonRoot: true },
      volumeMounts: [
        { name: 'home', mountPath: '/home' },
        { name: 'dshm', mountPath: '/dev/shm' },
        { name: 'model-cache', mountPath: '/models' },
        { name: 'tls-certs', mountPath: '/var/run/kserve/tls', readOnly: true },
      ],
    },
  ],
  volumes: [
    { name: 'home', emptyDir: {} },
    { name: 'dshm', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } },
    { name: 'model-cache', emptyDir: {} },
  ],
}
