{{/* The image of a variant: cpu or cuda. */}}
{{- define "altiplano.image" -}}
{{- $tag := .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{ .root.Values.image.repository }}:{{ $tag }}{{ if eq .variant "cuda" }}-cuda{{ end }}
{{- end }}

{{- define "altiplano.labels" -}}
app.kubernetes.io/name: altiplano
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "altiplano.selector" -}}
app.kubernetes.io/name: altiplano
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The one place where the server's command line is written. */}}
{{- define "altiplano.args" -}}
{{- if .model }}
- --model={{ .model }}
{{- end }}
- --served-model-name={{ .name }}
- --host=0.0.0.0
{{- if not .root.Values.config.apiKeys }}
- --allow-unauthenticated
{{- end }}
- --port={{ .port }}
{{- range .more }}
- {{ . | quote }}
{{- end }}
{{- range $key, $value := .root.Values.config }}
- {{ printf "--%s=%s" ($key | kebabcase) (include "altiplano.plain" $value) | quote }}
{{- end }}
{{- end }}

{{/* Helm reads numbers as floats: 1048576 must not become 1.048576e+06. */}}
{{- define "altiplano.plain" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "altiplano.container" -}}
image: {{ include "altiplano.image" . }}
{{- with .root.Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
args:
  {{- include "altiplano.args" . | trim | nindent 2 }}
{{- $env := concat (.env | default list) .root.Values.env }}
{{- with $env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - containerPort: {{ .port }}
    protocol: TCP
readinessProbe:
  httpGet:
    path: /health/ready
    port: {{ .port }}
    {{- with .scheme }}
    scheme: {{ . | quote }}
    {{- end }}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 3
livenessProbe:
  httpGet:
    path: /health/live
    port: {{ .port }}
    {{- with .scheme }}
    scheme: {{ . | quote }}
    {{- end }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop:
      - ALL
  seccompProfile:
    type: RuntimeDefault
resources:
  {{- toYaml .resources | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: dshm
    mountPath: /dev/shm
{{- end }}

{{- define "altiplano.volumes" -}}
- name: tmp
  emptyDir: {}
- name: dshm
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.sharedMemory }}
{{- end }}

{{- define "altiplano.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
