// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/plan/health"
)

// check holds a verdict to what every verdict keeps.
func check(t interface{ Errorf(string, ...any) }, v health.Verdict) {
	if v.State == health.Healthy && v.Message != "" {
		t.Errorf("a healthy object has a message: %q", v.Message)
	}
	if !slices.Contains([]health.State{health.Healthy, health.Progressing, health.Stalled, health.Failed}, v.State) {
		t.Errorf("there is no state %q", v.State)
	}
	tame(t, v.Message)
}

// tame holds a text to what every text keeps: one line, printable, bounded.
func tame(t interface{ Errorf(string, ...any) }, text string) {
	if len(text) > health.MaxMessageBytes || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("not a line that may be shown: %q", text)
	}
}

// keys are what the package looks for, so that random objects have them in wrong shapes.
func keys() []string {
	return []string{
		"metadata", "spec", "status", "conditions", "type", "reason", "message", "observedGeneration", "generation", "deletionTimestamp", "finalizers",
		"containerStatuses", "name", "state", "waiting", "phase", "replicas", "suspend", "uid", "annotations", "active", "applicationState",
	}
}

// value draws any value that JSON has.
func value() *rapid.Generator[any] {
	word := rapid.SampledFrom([]string{"True", "False", "Ready", "Failed", "Stalled", "Progressing", "ReplicaFailure", "Pending", "Running", "CrashLoopBackOff", "\x1b[2J", "\xff", "", strings.Repeat("x", 5000)})
	var any0 *rapid.Generator[any]
	any0 = rapid.OneOf(
		rapid.Map(word, func(s string) any { return s }), rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64(), func(n float64) any { return n }), rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil),
		rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return any0 }), 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom(keys()), rapid.Deferred(func() *rapid.Generator[any] { return any0 }), 0, 4), func(m map[string]any) any { return m }),
	)
	return any0
}

// TestAnyObject judges and explains objects of the known kinds with anything in them.
func TestAnyObject(t *testing.T) {
	rules := compile(t)
	kinds := [][2]string{
		{"apps/v1", "Deployment"},
		{"apps/v1", "StatefulSet"},
		{"apps/v1", "DaemonSet"},
		{"apps/v1", "ReplicaSet"},
		{"batch/v1", "Job"},
		{"v1", "Pod"},
		{"v1", "Service"},
		{"v1", "PersistentVolumeClaim"},
		{"policy/v1", "PodDisruptionBudget"},
		{"acme.io/v1", "Widget"},
		{"sparkoperator.k8s.io/v1beta2", "SparkApplication"},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition"},
		{"apiregistration.k8s.io/v1", "APIService"},
		{"autoscaling/v2", "HorizontalPodAutoscaler"},
		{"v1", "PersistentVolume"},
		{"v1", "Namespace"},
		{"gateway.networking.k8s.io/v1", "Gateway"},
		{"gateway.networking.k8s.io/v1", "HTTPRoute"},
		{"argoproj.io/v1alpha1", "Workflow"},
	}
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOfN(rapid.SampledFrom([]string{"metadata", "spec", "status"}), value(), 0, 3).Draw(t, "object")
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		object["apiVersion"], object["kind"] = kind[0], kind[1]
		o := &unstructured.Unstructured{Object: object}
		check(t, health.Of(o, rules))
		check(t, health.Of(o, nil))
		_ = health.Ended(o)
		if d, ok := health.DeletionOf(o); ok {
			check(t, d.Of(time.Now()))
		}
		r := health.Explain(health.Evidence{Object: o, Makers: []*unstructured.Unstructured{o, nil}})
		tame(t, r.Summary)
		if r.Code == "" || r.Summary == "" {
			t.Errorf("a reason says nothing: %+v", r)
		}
	})
}

func TestNoObject(t *testing.T) {
	check(t, health.Of(nil, nil))
	check(t, health.Of(&unstructured.Unstructured{}, nil))
	tame(t, health.Explain(health.Evidence{}).Summary)
}

// FuzzExplain explains any pods and events.
func FuzzExplain(f *testing.F) {
	situations(f, func(_, _ string, s situation) {
		pods, _ := json.Marshal(s.Pods)
		events, _ := json.Marshal(s.Events)
		object, _ := json.Marshal(s.Object)
		f.Add(string(object), string(pods), string(events))
	})
	f.Fuzz(func(t *testing.T, object, pods, events string) {
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(object), &o.Object); err != nil {
			return
		}
		e := health.Evidence{Object: o}
		var p []corev1.Pod
		var ev []corev1.Event
		if json.Unmarshal([]byte(pods), &p) == nil {
			e.Pods = p
		}
		if json.Unmarshal([]byte(events), &ev) == nil {
			e.Events = ev
		}
		r := health.Explain(e)
		tame(t, r.Summary)
		if r.Log.Pod != "" && r.Log.Container == "" && len(e.Pods) == 0 {
			t.Errorf("the log of nothing: %+v", r.Log)
		}
		health.Suspect(e)
	})
}

func TestLine(t *testing.T) {
	for name, tc := range map[string]struct{ reason, in, want string }{
		"Plain":    {"What is plain stays.", `pods "a" is forbidden: naïve`, `pods "a" is forbidden: naïve`},
		"Lines":    {"Lines become one.", "a\n\n  b\tc\r\n", "a b c"},
		"Colour":   {"Colours go.", "\x1b[1;31mred\x1b[0m", "red"},
		"Title":    {"So do titles of windows and hyperlinks, with what is in them.", "a\x1b]0;owned\x07b\x1b]8;;http://x\x1b\\c", "abc"},
		"Open":     {"Also one that is never closed.", "a\x1b]0;owned", "a"},
		"Bidi":     {"Nothing turns the direction of writing.", "a\u202eb\u2066c", "abc"},
		"Invalid":  {"Bytes that are no text are marked.", "a\xffb", "a\uFFFDb"},
		"Password": {"Addresses lose their passwords.", `GET https://robot:s3cr3t@ghcr.io/token: 401`, `GET https://[redacted]@ghcr.io/token: 401`},
		"Signed":   {"And their signatures.", `https://s3/x?a=b&X-Amz-Signature=0123&c=d`, `https://s3/x?a=b&X-Amz-Signature=[redacted]&c=d`},
		"Long":     {"What is long is cut, between characters.", strings.Repeat("é", 3000), strings.Repeat("é", 2046) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, health.Line(tc.in)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestLogLines(t *testing.T) {
	many := strings.Repeat("x\n", 30) + "last"
	key := "-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----"
	redact := health.Redactor([]*unstructured.Unstructured{nil, parse(t, `{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {key: `+"LS0tLS1CRUdJTiBLRVktLS0tLQphYmNkZWZnaAotLS0tLUVORCBLRVktLS0tLQ=="+`}, stringData: {p: correct-horse}}`), parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: plain}}")})
	for name, tc := range map[string]struct {
		reason, in string
		want       []string
	}{
		"Empty":    {"No log has no lines.", "\n\n", nil},
		"Two":      {"Lines keep their indentation.", "a\n  b\n", []string{"a", "  b"}},
		"Last":     {"The last ones count.", many, append(strings.Split(strings.Repeat("x ", 19), " ")[:19], "last")},
		"Progress": {"A bar that is written over and over is many lines.", "1%\r50%\r100%", []string{"1%", "50%", "100%"}},
		"Escapes":  {"No line moves the cursor.", "\x1b[2Ja\x08\x08b", []string{"ab"}},
		"Secret":   {"Values of Secrets are taken out, and those of other objects not.", "p=correct-horse plain", []string{"p=[redacted] plain"}},
		"Base64":   {"Also in base64.", "Y29ycmVjdC1ob3JzZQ==", []string{"[redacted]"}},
		"Key":      {"And what has several lines.", "key: " + key + " end", []string{"key: [redacted] end"}},
		"KeyLine":  {"Or one of them alone.", "key: abcdefgh", []string{"key: [redacted]"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, health.LogLines(tc.in, redact)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	t.Run("Bounded", func(t *testing.T) {
		size := 0
		lines := health.LogLines(strings.Repeat(strings.Repeat("é", 40_000)+"\n", 40)+strings.Repeat(strings.Repeat("x", 1000)+"\n", 10), nil)
		for _, l := range lines {
			size += len(l) + 1
			tame(t, l)
		}
		if size > health.MaxLogBytes || len(lines) != 4 {
			t.Errorf("%d lines of %d bytes in all", len(lines), size)
		}
	})
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, message string
		want            health.Code
	}{
		"Quota":    {"A quota.", `pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2`, health.Quota},
		"Range":    {"A LimitRange.", `pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2`, health.Quota},
		"Webhook":  {"A webhook, whatever its own words are.", `admission webhook "v.acme.io" denied the request: exceeded quota of patience`, health.Webhook},
		"Eviction": {"A budget.", "Cannot evict pod as it would violate the pod's disruption budget.", health.DisruptionBudget},
		"Policy":   {"A policy of the cluster.", `ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`, health.Admission},
		"Rights":   {"Missing rights.", `secrets is forbidden: User "x" cannot create resource "secrets"`, health.Admission},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(health.Reason{Code: tc.want, Summary: tc.message}, health.Refused(tc.message)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
