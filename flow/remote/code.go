// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/jobs"
)

// maxTops bounds how many files and folders of code are put over those of an image: each is a mount.
const maxTops = 100

// Layer is code in an image: the one that is deployed, with a layer of it.
type Layer struct {
	// Image is where it is, by its digest.
	Image string
	// Papers are the manifests and configurations of it, and of what is deployed.
	Papers [][]byte
}

// Deployed is what code of someone's own would be put on.
type Deployed struct {
	// Image is that of the container, and Registry the repository that images of runs are pushed to; empty: there is none.
	Image, Registry string
}

// Deployed finds what is deployed of a workload.
func (k *Keeper) Deployed(ctx context.Context, a Ask) (Deployed, error) {
	c := k.opts.Accepted()
	if c == nil {
		return Deployed{}, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	id, _, err := a.workload(c)
	if err != nil {
		return Deployed{}, err
	}
	cluster := k.opts.Cluster(id.Cluster)
	if cluster == nil {
		return Deployed{}, asking.Errorf(asking.ErrCannot, "the cluster %s is not reached from the daemon: its agent starts no remote runs", id.Cluster)
	}
	p, _ := c.Project(a.Project)
	t, err := cluster.Program(ctx, c.Release(p, id).Namespace, a.Environment, a.Project+"/"+a.Workload)
	if err != nil {
		return Deployed{}, refused(a, err)
	}
	return Deployed{t.Image, registryOf(c, a.Environment)}, nil
}

func registryOf(c *catalog.Catalog, environment string) string {
	return c.Environments[environment].Spec.Runs.Registry
}

// code has a run given someone's own code in the place of that of its image.
func (a Ask) code(c *catalog.Catalog, w catalog.Workload, t jobs.Template, o *jobs.RemoteOrder) error {
	if len(a.Code) == 0 && a.Layer == nil {
		return nil
	}
	if w.Build == nil {
		return asking.Errorf(asking.ErrCannot, "%s/%s has no code of an image: what is accepted does not say how its image is built; merge that first", a.Project, a.Workload)
	}
	if a.Layer != nil {
		if len(a.Code) > 0 {
			return asking.Errorf(asking.ErrCannot, "its code comes as files and in an image: send one of the two")
		}
		judged, err := a.Layer.judge(t.Image, registryOf(c, a.Environment))
		if err != nil {
			return err
		}
		if judged.NamesUser() && !t.FixesUser() {
			return asking.Errorf(asking.ErrCannot, "its image names its user, and what number that is can be in the code: set the number in build.user, or let the code travel as files")
		}
		o.Image = a.Layer.Image
		return nil
	}
	o.Code = jobs.Code{Folder: w.Build.Folder(), Files: a.Code}
	if tops := o.Code.Tops(); len(tops) > maxTops {
		return asking.Errorf(asking.ErrCannot, "its code has %s at the top of its folder, and %d are the most that are put over an image as files", number.Count(len(tops), "name"), maxTops)
	}
	return nil
}

// judge reports whether an image is where it has to be, and nothing but what is deployed with code on it.
func (l Layer) judge(deployed, registry string) (image.Judged, error) {
	no := func(format string, args ...any) (image.Judged, error) {
		return image.Judged{}, asking.Errorf(asking.ErrCannot, format, args...)
	}
	if registry == "" {
		return no("the environment has no registry for code of runs: send it as files, or have runs.registry declared for the environment")
	}
	repository, digest, _ := strings.Cut(l.Image, "@")
	if repository != registry || !track.IsDigest(digest) {
		return no("%.300q is no image of %s by its digest, which is where code of runs comes from", l.Image, registry)
	}
	_, base, _ := strings.Cut(deployed, "@")
	if !track.IsDigest(base) {
		return no("what is deployed, %s, is named by a tag: nobody can tell which image code is put on; deploy it by its digest, or send the code as files", deployed)
	}
	made, err := v1.NewHash(digest)
	if err != nil {
		return image.Judged{}, fmt.Errorf("reading the digest of an image: %w", err)
	}
	of, err := v1.NewHash(base)
	if err != nil {
		return image.Judged{}, fmt.Errorf("reading the digest of an image: %w", err)
	}
	judged, err := image.Judge(of, made, l.Papers)
	if _, other := errors.AsType[*image.OtherError](err); other {
		return no("the image is not what is deployed with code on it: %s", err)
	}
	return judged, err
}

// said is what the history has of what was run.
func (a Ask) said(id string) string {
	out := fmt.Sprintf("%s, %s, %s", id, number.Count(len(a.Files)+len(a.Code), "file"), digestOf(a))
	if a.Layer != nil {
		out += ", in " + a.Layer.Image
	}
	return out
}

// Fits reports whether code travels as files, beside those of a workload.
func Fits(beside map[string][]byte, code []build.File) bool {
	size, of := 0, jobs.Code{Files: map[string]jobs.CodeFile{}}
	for name, data := range beside {
		size += len(name) + len(data)
	}
	for _, f := range code {
		size += len(f.Path) + len(f.Data)
		of.Files[f.Path] = jobs.CodeFile{}
		if len(f.Path) > maxPath || strings.HasPrefix(f.Path, "..") || !filePath.MatchString(f.Path) {
			return false // Kubernetes mounts no such file
		}
	}
	return len(beside)+len(code) <= maxFiles && size <= maxBytes && len(of.Tops()) <= maxTops
}
