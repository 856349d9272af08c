// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// checkChannels checks the channels of the platform, and who is told of it.
func (f *frame) checkChannels(k *checker) {
	spec := f.Platform.Spec
	k.doc = f.platformDoc
	for i, name := range spec.Channels {
		if !targetForm.MatchString(name) {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "channels", i}, fmt.Sprintf("%.40q is no name of a channel", name),
				"write a name of lower-case letters, digits and dashes; where the channel is, is said in the configuration of the daemon")
		}
		if slices.Index(spec.Channels, name) < i {
			k.at(v1alpha1.RuleDuplicate, []any{"spec", "channels", i}, fmt.Sprintf("the channel %.40q is named twice", name), "")
		}
	}
	for i, n := range spec.Notify {
		f.checkChannel(k, n.To, i)
	}
}

// checkChannel checks that there is a channel that a declaration names.
func (f *frame) checkChannel(k *checker, name string, i int) {
	channels := f.Platform.Spec.Channels
	if slices.Contains(channels, name) {
		return
	}
	hint := "name it in channels of the platform, and have whoever runs the daemon configure it"
	if len(channels) > 0 {
		hint = "the platform has " + strings.Join(channels, ", ") + "; or " + hint
	}
	k.at(RuleChannel, []any{"spec", "notify", i, "to"}, fmt.Sprintf("there is no channel %.40q", name), hint)
}

// notifications checks who is told of a project.
func (k *checker) notifications(p *Project) {
	for i, n := range p.Spec.Notify {
		if k.c.Platform != nil {
			k.c.checkChannel(k, n.To, i)
		}
	}
}
