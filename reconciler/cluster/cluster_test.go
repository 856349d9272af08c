// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
)

func TestParseConfig(t *testing.T) {
	cases := map[string]struct {
		in   string
		want Config
		err  string
	}{
		"File":      {in: "dev=/etc/dev.kubeconfig", want: Config{Name: "dev", Kubeconfig: "/etc/dev.kubeconfig"}},
		"Context":   {in: "prod=a.yaml#admin", want: Config{Name: "prod", Kubeconfig: "a.yaml", Context: "admin"}},
		"InCluster": {in: "here=in-cluster", want: Config{Name: "here"}},
		"NoName":    {in: "=file", err: `cannot read the cluster "=file"`},
		"NoFile":    {in: "dev=", err: `cannot read the cluster "dev="`},
		"Neither":   {in: "dev", err: "write NAME=KUBECONFIG"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ParseConfig(tc.in)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("ParseConfig(%q): got the error %v, want one with %q", tc.in, err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("ParseConfig(%q): %v, -want +got:\n%s", tc.in, err, diff)
			}
		})
	}
}

func TestInventoryRoundTrip(t *testing.T) {
	in := Inventory{
		Platform: "acme", Release: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "c1"},
		Namespace: "orders-prod", Commit: "abc", Digest: "def",
		Kinds:   []schema.GroupKind{{Kind: "ConfigMap"}, {Group: "apps", Kind: "Deployment"}},
		Account: "deployer", Repository: "orders", Parts: map[string]string{"abc": "1 orders=2:deploy", "abb": "1 orders=3"},
	}
	o := in.object()
	if diff := cmp.Diff(in, inventoryOf(o)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The id by the formula of KEP-3659: sha256 of "name.namespace.kind.group", base64 for URLs without padding.
	// printf %s acme.prod.orders.trunkline-system.ConfigMap. | sha256sum | xxd -r -p | basenc --base64url | tr -d =
	if got, want := in.ApplySet(), "applyset-fAsUnHZVK8BOS5sdVucOMsr4KE3Mip9SpLOTDSqPMug-v1"; got != want || o.GetLabels()["applyset.kubernetes.io/id"] != want {
		t.Errorf("the id is %s, want %s", got, want)
	}
	if got := o.GetAnnotations()["applyset.kubernetes.io/contains-group-kinds"]; got != "ConfigMap,Deployment.apps" {
		t.Errorf("the kinds are %q", got)
	}
}

// TestPartsOfAnInventory: what is not written as we write it is not read, and nothing of it breaks what is.
func TestPartsOfAnInventory(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"": nil, "a": {}, "a b": {"a": "b"}, "a b\nc d=e": {"a": "b", "c": "d=e"}, "\n\n": {}, "a\nb c": {"b": "c"}, "\x00 \x00": {"\x00": "\x00"},
	} {
		if diff := cmp.Diff(want, readParts(text)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", text, diff)
		}
	}
	i := Inventory{Commit: "c"}
	i.Memory.Healthy = []gate.Mark{{Commit: "b"}, {}}
	i.Memory.Failed = &gate.Failed{Commit: "a"}
	if diff := cmp.Diff([]string{"c", "b", "a"}, i.Commits()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCovers(t *testing.T) {
	base := Inventory{Commit: "1", Digest: "d", Namespace: "n", Kinds: []schema.GroupKind{{Kind: "ConfigMap"}, {Kind: "Secret"}}}
	cases := map[string]struct {
		reason string
		change func(*Inventory)
		want   bool
	}{
		"Same":       {"Nothing new: no write is owed.", func(*Inventory) {}, true},
		"FewerKinds": {"A kind too many costs a watch and loses nothing.", func(i *Inventory) { i.Kinds = i.Kinds[:1] }, true},
		"MoreKinds":  {"A kind that is not recorded could be orphaned.", func(i *Inventory) { i.Kinds = []schema.GroupKind{{Kind: "Service"}} }, false},
		"Account":    {"The account is as whom the release is removed.", func(i *Inventory) { i.Account = "deployer" }, false},
		"Commit":     {"The commit is what people are told.", func(i *Inventory) { i.Commit = "2" }, false},
		"Repository": {"What is not known of a repository is not removed.", func(i *Inventory) { i.Repository = "orders" }, false},
		"Parts":      {"Without its parts a commit cannot be made again.", func(i *Inventory) { i.Parts = map[string]string{"1": "2 orders=3"} }, false},
		"Digest":     {"The digest tells whether a commit changes the release.", func(i *Inventory) { i.Digest = "e" }, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next := base
			tc.change(&next)
			if got := base.Covers(next); got != tc.want {
				t.Errorf("%s\nCovers: got %t", tc.reason, got)
			}
		})
	}
}

func answer(code int32, reason metav1.StatusReason, message string, causes ...metav1.StatusCause) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message, Details: &metav1.StatusDetails{Causes: causes},
	}}
}

func TestErrors(t *testing.T) {
	refused := &url.Error{Op: "Get", URL: "https://x", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	invalid := answer(422, metav1.StatusReasonInvalid, "spec.replicas: must be positive")
	conflicted := conflict(plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"},
		answer(409, metav1.StatusReasonConflict, "Apply failed", metav1.StatusCause{
			Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.key", Message: `conflict with "kubectl" using v1`,
		}))
	secret := plan.Ref{GroupKind: schema.GroupKind{Kind: "Secret"}, Namespace: "n", Name: "s"}
	cases := map[string]struct {
		reason                string
		err                   error
		terminal, unreachable bool
		text                  string
	}{
		"Refused":     {"A server that is down may be back.", refused, false, true, "connection refused"},
		"Deadline":    {"A server that hangs is a server that fails.", fmt.Errorf("x: %w", context.DeadlineExceeded), false, true, "deadline"},
		"Canceled":    {"What we ended ourselves says nothing of the server.", &url.Error{Op: "Get", URL: "https://x", Err: context.Canceled}, false, false, "canceled"},
		"Invalid":     {"The same object will be invalid again.", invalid, true, false, "must be positive"},
		"TooMany":     {"The server asks for patience.", answer(429, metav1.StatusReasonTooManyRequests, "slow down"), false, false, "slow down"},
		"Terminating": {"A namespace that goes away is gone soon.", answer(403, metav1.StatusReasonForbidden, "is being terminated"), false, false, "terminated"},
		"InTerminating": {
			"What cannot be made in it says what it waits for, once and not in the words of each.",
			&ObjectError{Object: plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"}, Doing: "applying", Err: answer(403, metav1.StatusReasonForbidden,
				`configmaps "c" is forbidden: unable to create new content in namespace n because it is being terminated`, metav1.StatusCause{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"})},
			false, false, "applying ConfigMap n/c: waiting for Namespace n to be gone: it is being deleted",
		},
		"SecretInTerminating": {
			"Nor is what a Secret waits for a secret.",
			&ObjectError{Object: secret, Doing: "applying", Err: answer(403, metav1.StatusReasonForbidden,
				`secrets "s" is forbidden: unable to create new content in namespace n because it is being terminated: hunter2`, metav1.StatusCause{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"})},
			false, false, "applying Secret n/s: waiting for Namespace n to be gone: it is being deleted",
		},
		"Malformed": {
			"A value of a wrong type stays one, although the server calls it its own fault.",
			answer(500, metav1.StatusReasonUnknown, "failed to create typed patch object (n/c): .data.key: expected string"), true, false, "expected string",
		},
		"Internal":    {"Other faults of the server may pass.", answer(500, metav1.StatusReasonInternalError, "etcd"), false, false, "etcd"},
		"Conflict":    {"Someone has to give way.", conflicted, true, false, "conflict on ConfigMap n/c: .data.key is owned by kubectl"},
		"AllTerminal": {"Nothing of it can be helped by trying.", errors.Join(invalid, conflicted), true, false, "replicas"},
		"OneIsNot":    {"One of them may be helped by trying.", errors.Join(invalid, refused), false, true, "replicas"},
		"Secret": {
			"The server repeats values; they must not become text.",
			&ObjectError{Object: secret, Doing: "applying", Err: answer(422, metav1.StatusReasonInvalid, `invalid value "hunter2"`)}, true, false,
			"applying Secret n/s: Invalid (the message is withheld, since it may repeat values of the Secret)",
		},
		"Webhook": {
			"What a webhook says is given in full, and moves no cursor.",
			&ObjectError{Object: plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"}, Doing: "applying", Err: answer(403, metav1.StatusReasonForbidden, "admission webhook \"v.acme.io\" denied the request: \x1b[31mno\x1b[0m\n  label team is missing")},
			false, false, `applying ConfigMap n/c: admission webhook "v.acme.io" denied the request: no label team is missing`,
		},
		"SecretForbidden": {
			"Who has which right missing is no secret.",
			&ObjectError{Object: secret, Doing: "applying", Err: answer(403, metav1.StatusReasonForbidden,
				`secrets "s" is forbidden: User "system:serviceaccount:n:d" cannot patch resource "secrets" in API group "" in the namespace "n": RBAC: hunter2`)},
			false, false, `applying Secret n/s: secrets "s" is forbidden: User "system:serviceaccount:n:d" cannot patch resource "secrets" in API group "" in the namespace "n"`,
		},
		"SecretQuota": {
			"Nor is how much of a quota is used.",
			&ObjectError{Object: secret, Doing: "applying", Err: answer(403, metav1.StatusReasonForbidden,
				`secrets "s" is forbidden: exceeded quota: few, requested: count/secrets=1,secrets=1, used: count/secrets=0,secrets=0, limited: count/secrets=0,secrets=0`)},
			false, false, `exceeded quota: few, requested: count/secrets=1,secrets=1, used: count/secrets=0,secrets=0, limited: count/secrets=0,secrets=0`,
		},
		"SecretDenied": {
			"What a webhook or policy says of a Secret may repeat it, whatever it looks like.",
			&ObjectError{Object: secret, Doing: "applying", Err: answer(403, metav1.StatusReasonForbidden,
				`admission webhook "w" denied the request: secrets "s" is forbidden: exceeded quota: few, requested: hunter2=1, used: hunter2=0, limited: hunter2=0`)},
			false, false, "applying Secret n/s: Forbidden (the message is withheld",
		},
		"SecretUnreachable": {
			"That the server is down is no secret.",
			&ObjectError{Object: secret, Doing: "applying", Err: refused}, false, true, "connection refused",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Terminal(tc.err); got != tc.terminal {
				t.Errorf("%s\nTerminal: got %t", tc.reason, got)
			}
			if got := Unreachable(tc.err); got != tc.unreachable {
				t.Errorf("%s\nUnreachable: got %t", tc.reason, got)
			}
			if got := tc.err.Error(); !strings.Contains(got, tc.text) || strings.Contains(got, "hunter2") {
				t.Errorf("%s\nthe text is %q, want it to have %q", tc.reason, got, tc.text)
			}
		})
	}
	if err := conflict(secret, answer(409, metav1.StatusReasonConflict, "object has been modified")); err != nil {
		t.Errorf("a conflict of versions was read as one of fields: %v", err)
	}
}
