// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/deploy"
)

//go:embed files
var templates embed.FS

// The files of a platform, relative to its folder.
const (
	ProjectFile   = "projects/" + Project + "/project.yaml"
	SecretsFolder = "projects/" + Project + "/secrets"
	chartFolder   = "blueprints/" + Project + "/chart"
	readme        = "README.md"
)

// File is one that a platform begins with.
type File struct {
	// Path is relative to the platform's folder.
	Path string
	Data []byte
	// Ours is set if the file follows the version of the program; any other is written once, and belongs to people from then on.
	Ours bool
}

// Files returns all files but the encrypted ones. The declaration of the project comes last: where it is, all is.
func Files(in Input) ([]File, error) {
	params, err := yaml.Marshal(in.params())
	if err != nil {
		return nil, fmt.Errorf("writing the values of the daemon: %w", err)
	}
	data := struct {
		Input
		Project, Environment, KeySecret, Secrets, Params, Recipients string
	}{in, Project, Environment, KeySecret, path.Join(in.Repository.Folder, SecretsFolder), strings.TrimSuffix(string(params), "\n"), strings.Join(in.Recipients, ",")}
	data.Secrets = regexp.QuoteMeta(data.Secrets)
	out, err := chart()
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		template, path string
		ours           bool
	}{
		{"trunkline.yaml", "trunkline.yaml", false},
		{"cluster.yaml", "clusters/" + in.Cluster + ".yaml", false},
		{"platform.yaml", "environments/" + Environment + ".yaml", false},
		{"environment.yaml", "environments/" + in.Projects + ".yaml", false},
		{"policy.yaml", "policies/beside-the-daemon.yaml", false},
		{"sops.yaml", ".sops.yaml", false},
		{"README.md", readme, false},
		{"blueprint.yaml", "blueprints/" + Project + "/blueprint.yaml", true},
		{"project.yaml", ProjectFile, false},
	} {
		if f.template == "environment.yaml" && in.Projects == "" {
			continue
		}
		text, err := fill(f.template, data)
		if err != nil {
			return nil, err
		}
		out = append(out, File{Path: f.path, Data: text, Ours: f.ours})
	}
	return out, nil
}

// chart returns the files of the daemon's chart.
func chart() (out []File, err error) {
	err = fs.WalkDir(deploy.Chart, deploy.ChartFolder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(deploy.Chart, name)
		out = append(out, File{Path: chartFolder + strings.TrimPrefix(name, deploy.ChartFolder), Data: data, Ours: true})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the chart of the daemon: %w", err)
	}
	return out, nil
}

func fill(name string, data any) ([]byte, error) {
	text, err := fs.ReadFile(templates, "files/"+name+".tmpl")
	if err != nil {
		return nil, fmt.Errorf("reading the template of %s: %w", name, err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"quote": func(s string) (string, error) { out, err := json.Marshal(s); return string(out), err },
		"indent": func(by int, s string) string {
			return strings.Repeat(" ", by) + strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", by))
		},
	}).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading the template of %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("writing %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// params are the values of the chart.
func (in Input) params() map[string]any {
	config := map[string]any{
		"repository": in.repository(),
		"clusters":   []any{map[string]any{"name": in.Cluster, "inCluster": true}},
		// Also a single replica writes into a Lease how far it is.
		"replicas": map[string]any{"home": in.Cluster, "group": in.Platform},
		// Named by its file: what names a Secret by "secret: NAME" looks like one.
		"serve": map[string]any{"tokensFile": mounted + TokensSecret + "/tokens"},
		"sops":  map[string]any{"ageKeyFiles": []any{Project + "/" + Environment + "=" + mounted + KeySecret + "/" + KeyFile}},
	}
	if in.Replicas > 1 {
		config["history"] = map[string]any{"store": "off"} // each would have a file of its own
	}
	names := []any{KeySecret, TokensSecret}
	if in.Repository.Access != Open {
		names = append(names, GitSecret)
	}
	if g := in.GitHub; g != nil {
		names = append(names, GitHubSecret)
		app := map[string]any{"repository": g.Repository, "appID": g.AppID, "appKeyFile": Mounted(GitHubSecret, AppKey)}
		for key, value := range map[string]string{"url": g.URL, "publicURL": g.PublicURL} {
			if value != "" {
				app[key] = value
			}
		}
		config["github"] = app
		if g.Hook {
			config = merged(config, map[string]any{"serve": map[string]any{"hookSecretFile": Mounted(GitHubSecret, HookSecret)}})
		}
	}
	out := merged(map[string]any{
		"replicas": in.Replicas, "config": config, "secrets": names,
	}, in.Values)
	// Whatever else is wanted, the daemon is where its release is, and its rights are not its own to change.
	out = merged(out, map[string]any{"namespace": Namespace, "keep": true, "rbac": map[string]any{"create": false}})
	return out
}

func (in Input) repository() map[string]any {
	r := in.Repository
	out := map[string]any{"url": r.URL, "branch": r.Branch}
	if r.Folder != "." {
		out["folder"] = r.Folder
	}
	switch r.Access {
	case DeployKey:
		out["keyFile"], out["knownHostsFile"] = mounted+GitSecret+"/identity", mounted+GitSecret+"/known_hosts"
	case Password:
		out["username"], out["passwordFile"] = r.Username, mounted+GitSecret+"/password"
	case Open:
	}
	return out
}

// merged returns values with others over them: tables are merged, and all else is replaced, as Helm does.
func merged(values, over map[string]any) map[string]any {
	out := maps.Clone(values)
	for key, value := range over {
		was, isTable := out[key].(map[string]any)
		if is, both := value.(map[string]any); isTable && both {
			value = merged(was, is)
		}
		out[key] = value
	}
	return out
}

// Secrets names the encrypted files, by the Secret that is in each.
func (in Input) Secrets() map[string]string {
	out := map[string]string{TokensSecret: SecretFile(TokensSecret)}
	if in.Repository.Access != Open {
		out[GitSecret] = SecretFile(GitSecret)
	}
	if in.GitHub != nil {
		out[GitHubSecret] = SecretFile(GitHubSecret)
	}
	return out
}

// Mounted is where a value of a Secret is in the pod of the daemon.
func Mounted(secret, key string) string { return mounted + secret + "/" + key }

// SecretFile is where an encrypted Secret is.
func SecretFile(name string) string { return path.Join(SecretsFolder, name+".yaml") }

// sortFiles orders files by their paths.
func sortFiles(files []File) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}
