// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	containers "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
)

// bases serves an image that files can be put on: "bases FILE...". In the files, REGISTRY becomes where, and BASE the image.
func bases(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: bases FILE...")
	}
	host := artifacttest.Registry(scriptTest{ts: ts}, nil)
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: static.NewLayer([]byte("of the base"), types.DockerLayer)})
	ts.Check(err)
	config, err := img.ConfigFile()
	ts.Check(err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", v1.Config{User: "1000", Env: []string{"PATH=/bin"}}
	img, err = mutate.ConfigFile(img, config)
	ts.Check(err)
	tag, err := name.NewTag(host + "/base/python:3")
	ts.Check(err)
	ts.Check(containers.Write(tag, img))
	digest, err := img.Digest()
	ts.Check(err)
	for _, file := range args {
		text := strings.NewReplacer("REGISTRY", host, "BASE", tag.Name()+"@"+digest.String()).Replace(ts.ReadFile(file))
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}
