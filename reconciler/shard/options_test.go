// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// none are Leases that take everything and hold nothing.
type none struct{ Leases }

func (none) List(context.Context, string) ([]coordinationv1.Lease, error) { return nil, nil }

func (none) Create(context.Context, *coordinationv1.Lease) error { return nil }

func TestOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Options)
		want   string // part of the error; empty if there is none
	}{
		"defaults":             {change: func(*Options) {}},
		"no cluster":           {change: func(o *Options) { o.Leases = nil }, want: "a cluster to meet in"},
		"no clock":             {change: func(o *Options) { o.Now = nil }, want: "a clock"},
		"no group":             {change: func(o *Options) { o.Group = "" }, want: "group"},
		"a dot in the group":   {change: func(o *Options) { o.Group = "acme.assignment" }, want: "group"},
		"a host with capitals": {change: func(o *Options) { o.Identity = "Laptop.local" }},
		"an odd host":          {change: func(o *Options) { o.Identity = "my_host" }, want: "cannot be the name"},
		"a long host":          {change: func(o *Options) { o.Identity = strings.Repeat("x", 101) }, want: "cannot be the name"},
		"unsafe":               {change: func(o *Options) { o.Duration = 47 * time.Second }, want: "two replicas could write at once"},
		"never over":           {change: func(o *Options) { o.Duration = time.Hour }, want: "too long"},
		"not in seconds":       {change: func(o *Options) { o.Duration = 50500 * time.Millisecond }, want: "whole seconds"},
		"negative":             {change: func(o *Options) { o.Interval = -1 }, want: "negative"},
		"rare":                 {change: func(o *Options) { o.Interval = 6 * time.Second }, want: "too rare"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Leases: none{}, Group: "acme", Identity: "host", Now: time.Now}
			tt.change(&o)
			_, err := New(o)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
