{{- define "trd-cds.labels" -}}
app.kubernetes.io/name: trd-cds
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "trd-cds.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ required "image.tag or image.digest must be given" .Values.image.tag }}
{{- end -}}
{{- end -}}
{{- define "trd-cds.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
