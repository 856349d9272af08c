// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/registry"
)

// followed holds the flags about registries that are asked for newer images.
type followed struct {
	registries []string
	config     string
	cloud      bool
	interval   time.Duration
}

func (i *followed) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&i.registries, "image-registry", nil, "`HOST` of a registry that is asked for newer images which projects follow, such as ghcr.io; may be given several times; default: none is asked")
	f.StringVar(&i.config, "image-registry-config", "", "docker config.json with credentials for these registries")
	f.BoolVar(&i.cloud, "image-registry-cloud-identity", false, "sign on to those of ECR, Artifact Registry and ACR that the file has no credentials for with the identity that the cloud gives this process")
	f.DurationVar(&i.interval, "image-interval", 5*time.Minute, "how often each repository of images is looked at")
}

// check reports flags that do not go together.
func (i *followed) check(pulls bool) error {
	switch {
	case len(i.registries) == 0 && (i.config != "" || i.cloud):
		return usagef("say which registries are asked: --image-registry HOST")
	case len(i.registries) > 0 && !pulls:
		return usagef("--image-registry needs --github-repo: newer images are proposed by pull requests")
	case i.interval < time.Minute:
		return usagef("--image-interval is at least 1m")
	}
	return nil
}

// followedImages returns how images that projects of a source follow are watched, or those of the platform's own; nil: they are not.
func (d *daemon) followedImages() (func(source string) *webhooks.Images, error) {
	flags := d.flags.images
	if len(flags.registries)+len(d.flags.artifacts.hosts) == 0 {
		return func(string) *webhooks.Images { return nil }, nil
	}
	client, err := registry.New(flags.registries, flags.config, time.Now)
	if err != nil {
		return nil, &usageError{err}
	}
	if flags.cloud {
		client = client.With(d.flags.clouds.Keychain)
	}
	troubles := &imageTroubles{tell: func(text string) { d.board.SetSource(func(s *status.Source) { s.Images = text }) }}
	return func(source string) *webhooks.Images {
		return &webhooks.Images{Registries: lookers{client, d.artifacts}, Interval: flags.interval, Trouble: func(text string) { troubles.of(source, text) }}
	}, nil
}

// imageTroubles is what is wrong with images that are followed, by the repositories that declare them.
type imageTroubles struct {
	tell func(text string)

	mu  sync.Mutex
	all map[string]string
}

// of tells what is wrong in one repository; empty: nothing.
func (t *imageTroubles) of(source, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]string{}
	}
	t.all[source] = text
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(t.all)) {
		if t.all[name] != "" {
			lines = append(lines, t.all[name])
		}
	}
	t.tell(strings.Join(lines, "; "))
}
