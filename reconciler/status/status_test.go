// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/status"
)

func TestFine(t *testing.T) {
	fine := func() status.Platform {
		return status.Platform{
			Source:   status.Source{Head: &status.Commit{}, Accepted: &status.Commit{}},
			Clusters: []status.Cluster{{Name: "one", Reachable: true}},
			Releases: []status.Release{{Result: status.Applied, Health: status.Healthy}},
		}
	}
	cases := map[string]struct {
		change func(*status.Platform)
		want   bool
	}{
		"all is as it should be":       {func(*status.Platform) {}, true},
		"a warning changes nothing":    {func(p *status.Platform) { p.Source.Problems = v1alpha1.Problems{{Severity: v1alpha1.Warn}} }, true},
		"a notice changes nothing":     {func(p *status.Platform) { p.Source.Notice = "x" }, true},
		"a refused commit":             {func(p *status.Platform) { p.Source.Problems = v1alpha1.Problems{{Severity: v1alpha1.Deny}} }, false},
		"no commit yet":                {func(p *status.Platform) { p.Source.Accepted = nil }, false},
		"the repository is down":       {func(p *status.Platform) { p.Source.Error = "x" }, false},
		"a cluster is down":            {func(p *status.Platform) { p.Clusters[0].Reachable = false }, false},
		"a release is not applied yet": {func(p *status.Platform) { p.Releases[0].Result = status.Applying }, false},
		"a release is not healthy":     {func(p *status.Platform) { p.Releases[0].Health = status.Progressing }, false},
	}
	for reason, tc := range cases {
		p := fine()
		tc.change(&p)
		if got := p.Fine(); got != tc.want {
			t.Errorf("%s: fine is %v, want %v", reason, got, tc.want)
		}
	}
}

func TestSettled(t *testing.T) {
	cases := []struct {
		result status.Result
		health status.Health
		want   bool
	}{
		{status.Applied, status.Healthy, true},
		{status.Applied, status.Unhealthy, true},
		{status.Applied, status.Progressing, false},
		{status.Applied, status.Unknown, false},
		{status.Failed, status.Healthy, true},
		{status.Failed, status.Unknown, true},
		{status.Retrying, status.Unhealthy, false},
		{status.Pending, status.Unknown, false},
		{status.Applying, status.Healthy, false},
		{status.Pruning, status.Unknown, false},
	}
	for _, tc := range cases {
		if got := (status.Release{Result: tc.result, Health: tc.health}).Settled(); got != tc.want {
			t.Errorf("%s and %s: settled is %v, want %v", tc.result, tc.health, got, tc.want)
		}
	}
}

func TestShort(t *testing.T) {
	var none *status.Commit
	for got, want := range map[string]string{none.Short(): "", status.Short("abc"): "abc", status.Short("0123456789"): "01234567"} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
