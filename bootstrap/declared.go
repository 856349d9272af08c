// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Declared returns what a platform says of its daemon, as it would be begun with; false if the daemon is no project of it.
func Declared(c *catalog.Catalog) (Input, bool, error) {
	if c == nil || c.Platform == nil {
		return Input{}, false, nil
	}
	p, ok := c.Project(Project)
	if !ok {
		return Input{}, false, nil
	}
	wrong := func(format string, args ...any) (Input, bool, error) {
		return Input{}, true, fmt.Errorf("%s: the project %q is not the daemon as it was written: "+format, append([]any{p.Document.File, Project}, args...)...)
	}
	env := c.Environments[Environment]
	w, _, hasWorkload := p.Workload(Project)
	switch {
	case env == nil || len(env.Spec.Clusters) == 0:
		return wrong("there is no environment %q with a cluster", Environment)
	case !hasWorkload:
		return wrong("it has no workload %q", Project)
	}
	if _, deployed := p.Spec.Environments[Environment]; !deployed {
		return wrong("it is not in the environment %q", Environment)
	}
	values := table(w.Params)
	config := values.table("config")
	repository := config.table("repository")
	in := Input{
		Platform: c.Name(), Cluster: env.Spec.Clusters[0], Owner: p.Spec.Owner, Image: w.Image.Reference(), Replicas: values.number("replicas", 1),
		Repository: Repository{
			URL: repository.text("url", ""), Branch: repository.text("branch", "main"), Folder: repository.text("folder", "."), Access: Open, Username: repository.text("username", ""),
		},
	}
	switch {
	case strings.HasPrefix(repository.text("keyFile", ""), mounted+GitSecret+"/"):
		in.Repository.Access = DeployKey
	case strings.HasPrefix(repository.text("passwordFile", ""), mounted+GitSecret+"/"):
		in.Repository.Access = Password
	}
	if github := config.table("github"); slices.Contains(values.texts("secrets"), GitHubSecret) {
		in.GitHub = &GitHub{
			Repository: github.text("repository", ""), AppID: int64(github.number("appID", 0)), URL: github.text("url", ""), PublicURL: github.text("publicURL", ""),
			Hook: config.table("serve").text("hookSecretFile", "") != "",
		}
	}
	if in.Repository.URL == "" {
		return wrong("its config names no repository")
	}
	return in, true, nil
}

// table reads values that may have any form.
type table map[string]any

func (t table) table(key string) table {
	out, _ := t[key].(map[string]any)
	return out
}

func (t table) text(key, otherwise string) string {
	if text, ok := t[key].(string); ok && text != "" {
		return text
	}
	return otherwise
}

func (t table) number(key string, otherwise int) int {
	switch n := t[key].(type) {
	case int:
		return n
	case int64:
		return int(n)
	case uint64:
		return int(n) //nolint:gosec // a count of replicas, or the number of an App
	case float64:
		return int(n)
	}
	return otherwise
}

func (t table) texts(key string) (out []string) {
	list, _ := t[key].([]any)
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
