package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/evenkeel/evenkeel/internal/policy"
)

// strict decodes objects as the API server does with fieldValidation=Strict.
func strict(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// decode reads all documents of a file, those of groups that the scheme does
// not know aside.
func decode(t *testing.T, text []byte) (objects []runtime.Object, err error) {
	t.Helper()
	decoder := strict(t)
	docs := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if bytes.Contains(doc, []byte("apiVersion: gateway.networking.k8s.io/")) {
			continue
		}
		o, _, err := decoder.Decode(doc, nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
}

func TestKubernetesTakesIt(t *testing.T) {
	all := func(s *policy.Service) {
		s.Routers = append(s.Routers, policy.AWSController, policy.GatewayAPI)
	}
	for _, name := range policies {
		for _, target := range []string{"kubernetes", "ingress-nginx"} {
			for _, change := range []func(*policy.Service){nil, all} {
				for _, f := range rendered(t, name, target, change) {
					objects, err := decode(t, f.Data)
					if err != nil || len(objects) == 0 {
						t.Errorf("%s %s: %d objects, %v\n%s", name, f.Name, len(objects), err, f.Data)
					}
				}
			}
		}
	}
}

// The decoder is as strict as it has to be.
func TestControlStrict(t *testing.T) {
	text := string(rendered(t, "default", "kubernetes", nil)[0].Data)
	for _, change := range [][2]string{
		{"terminationGracePeriodSeconds", "terminationGraceSeconds"}, {"maxUnavailable: 0", "maxUnavailable: {}"},
		{"periodSeconds: 60", "periodSeconds: 60s"}, {"sleep: {seconds: 5}", "sleep: {second: 5}"}, {"stabilizationWindowSeconds", "stabilisationWindowSeconds"},
	} {
		damaged := strings.Replace(text, change[0], change[1], 1)
		if damaged == text {
			t.Fatalf("no %q to damage", change[0])
		}
		if _, err := decode(t, []byte(damaged)); err == nil {
			t.Errorf("%s was taken", change[1])
		}
	}
}

// The numbers arrive where the API has them.
func TestKubernetesNumbers(t *testing.T) {
	objects, err := decode(t, rendered(t, "streams", "kubernetes", nil)[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	var seen int
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.Deployment:
			seen++
			pod := o.Spec.Template.Spec
			if *pod.TerminationGracePeriodSeconds != 98 || pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds != 8 || o.Spec.MinReadySeconds != 18 ||
				o.Spec.Replicas != nil || o.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() != 0 {
				t.Errorf("got %+v", o.Spec)
			}
			if ref := pod.Containers[0].Env[0].ValueFrom.SecretKeyRef; ref.Name != "chat-session-store" || ref.Key != "url" {
				t.Errorf("got %+v", ref)
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			seen++
			if down := o.Spec.Behavior.ScaleDown; down.Policies[0].PeriodSeconds != 98 || *down.StabilizationWindowSeconds != 300 {
				t.Errorf("got %+v", down)
			}
		case *policyv1.PodDisruptionBudget:
			seen++
			if o.Spec.MaxUnavailable.IntValue() != 1 {
				t.Errorf("got %+v", o.Spec)
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d objects were looked at", seen)
	}
}
