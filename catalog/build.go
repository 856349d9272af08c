// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/image"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// BuildOf says how the image of a workload is made; nil if it is made elsewhere.
func (p *Project) BuildOf(w *v1alpha1.Workload) *v1alpha1.Build {
	if w.Build != nil || !w.Image.IsZero() {
		return w.Build
	}
	return p.Spec.Build
}

// builds checks how images are made.
func (k *checker) builds(p *Project) {
	k.build(p.Spec.Build, "spec", "build")
	for i := range p.Spec.Workloads {
		k.build(p.Spec.Workloads[i].Build, "spec", "workloads", i, "build")
	}
}

var (
	platformForm = regexp.MustCompile(`^linux/[a-z0-9]+(/[a-z0-9]+)?$`)
	userForm     = regexp.MustCompile(`^[0-9]{1,10}(:[0-9]{1,10})?$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (k *checker) build(b *v1alpha1.Build, at ...any) {
	if b == nil {
		return
	}
	wrong := func(message, hint string, below ...any) {
		k.at(v1alpha1.RuleInvalidValue, append(slices.Clip(at), below...), message, hint)
	}
	if err := image.Check(b.Base); err != nil {
		wrong(fmt.Sprintf("%q is not an image: %s", b.Base, err), "", "base")
	}
	for i, name := range b.Files {
		if message := outsideOf(name); message != "" {
			wrong(message, `write paths and patterns relative to the declaration, such as "src" or "*.py"`, "files", i)
		}
	}
	for i, pattern := range b.Exclude {
		if strings.TrimSpace(pattern) == "" || strings.ContainsAny(pattern, "\n\x00") {
			wrong(fmt.Sprintf("%q is not a pattern", pattern), `write one as a .gitignore has them, such as "tests/"`, "exclude", i)
		}
	}
	if message := notAFolder(b.To); message != "" {
		wrong(message, `write a folder of the code's own, such as "/app"`, "to")
	}
	if _, ok := track.Registry(b.Repository); b.Repository != "" && !ok {
		wrong(fmt.Sprintf("%q is not a repository of images", b.Repository), "write it with its registry, and without tag and digest, such as ghcr.io/acme/orders", "repository")
	}
	for i, p := range b.Platforms {
		if !platformForm.MatchString(p) {
			wrong(fmt.Sprintf("%q is not a platform", p), "write one such as linux/amd64 or linux/arm64", "platforms", i)
		}
	}
	for _, name := range sortedKeys(b.Env) {
		if !variableForm.MatchString(name) {
			wrong(fmt.Sprintf("%q is not the name of a variable", name), "", "env", name)
		}
	}
	if b.User != "" && !userForm.MatchString(b.User) {
		wrong(fmt.Sprintf("%q is not the number of a user", b.User), `write numbers, such as "1000" or "1000:1000": which one a name has depends on files of the image`, "user")
	}
}

// outsideOf says what is wrong with a path or pattern that is to stay in the folder of a project.
func outsideOf(name string) string {
	clean := path.Clean(name)
	if _, err := path.Match(name, ""); err != nil {
		return fmt.Sprintf("%q is not a pattern", name)
	}
	if name == "" || path.IsAbs(name) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsAny(name, "\x00\n") {
		return fmt.Sprintf("%q leads out of the project's folder", name)
	}
	return ""
}

// systems are folders of an image that are none of the code's own, and those that are mounted over.
var systems = []string{"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "workspace"}

// notAFolder says what is wrong with the folder that files are put into.
func notAFolder(to string) string {
	if to == "" {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(to, "/"), "/")
	switch {
	case !path.IsAbs(to) || path.Clean(to) != to || strings.ContainsAny(to, "\x00\n:$"):
		return fmt.Sprintf("%q is not an absolute path without dots", to)
	case to == "/" || slices.Contains(systems, first):
		return fmt.Sprintf("%q is a folder of the system, or is mounted over", to)
	}
	return ""
}

// checkRuns checks how the code of remote runs gets to an environment.
func checkRuns(k *checker, env *v1alpha1.Environment) {
	if _, ok := track.Registry(env.Spec.Runs.Registry); env.Spec.Runs.Registry != "" && !ok {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "runs", "registry"}, fmt.Sprintf("%q is not a repository of images", env.Spec.Runs.Registry),
			"write it with its registry, and without tag and digest, such as ghcr.io/acme/runs")
	}
}
