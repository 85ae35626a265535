package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// manifests of one service that has nothing to find.
var manifests = map[string]string{
	"deployment.yaml": `# %[1]s serves the shop's pages.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: %[2]s
  labels:
    app.kubernetes.io/name: %[1]s
    app.kubernetes.io/part-of: shop
  annotations:
    evenkeel.dev/requests: 20s
    evenkeel.dev/sessions: external
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: %[1]s
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  template:
    metadata:
      labels:
        app.kubernetes.io/name: %[1]s
        app.kubernetes.io/part-of: shop
    spec:
      terminationGracePeriodSeconds: %[3]d
      securityContext:
        runAsNonRoot: true
      containers:
        - name: app
          image: registry.example/shop/%[1]s:1.4.2
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: REDIS_URL
              valueFrom: {secretKeyRef: {name: redis, key: url}}
            - name: LOG_LEVEL
              value: info
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 5
            failureThreshold: 2
          livenessProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 10
          lifecycle:
            preStop:
              sleep:
                seconds: 10
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 128Mi}
`,
	"service.yaml": `apiVersion: v1
kind: Service
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  selector:
    app.kubernetes.io/name: %[1]s
  ports:
    - name: http
      port: 80
      targetPort: http
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: %[1]s
`,
	"ingress.yaml": `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  ingressClassName: traefik
  rules:
    - host: %[1]s.shop.example
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: %[1]s
                port:
                  name: http
`,
	"hpa.yaml": `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: %[1]s
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
        - type: Pods
          value: 1
          periodSeconds: 60
`,
}

// write makes a fleet in dir, 50 services in each namespace; that of number
// faulty has too short a grace period. It returns the bytes.
func write(dir string, services, faulty int) (sum int64, err error) {
	for i := range services {
		name, namespace, grace := fmt.Sprintf("app-%04d", i), fmt.Sprintf("team-%02d", i/50), 40
		if i == faulty {
			grace = 20
		}
		folder := filepath.Join(dir, namespace, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return 0, err
		}
		for file, text := range manifests {
			if file == "deployment.yaml" {
				text = fmt.Sprintf(text, name, namespace, grace)
			} else {
				text = fmt.Sprintf(text, name, namespace)
			}
			sum += int64(len(text))
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
				return 0, err
			}
		}
	}
	return sum, nil
}
