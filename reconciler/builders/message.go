// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/render/kustomize"
)

// build asks for a kustomization: root, whether it sets a schema, and a path, a kind and data for each file. The result is an object
// and its source for each.
const build = "build"

// encodeBuild is the frame of a job, for a process that may take so much memory, in bytes.
func encodeBuild(job kustomize.Job, memory int64) [][]byte {
	fields := [][]byte{[]byte(build), fmt.Append(nil, memory), []byte(job.Root), fmt.Append(nil, job.OwnSchema)}
	for _, name := range slices.Sorted(maps.Keys(job.Seen)) {
		e := job.Seen[name]
		fields = append(fields, []byte(name), []byte{byte(e.Kind)}, e.Data)
	}
	return fields
}

// decodeBuild reads what is behind the memory.
func decodeBuild(fields [][]byte) (job kustomize.Job, err error) {
	if len(fields)%3 != 2 {
		return job, frame.ErrFrame
	}
	job = kustomize.Job{Root: string(fields[0]), OwnSchema: string(fields[1]) == "true", Seen: map[string]kustomize.Entry{}}
	for f := range slices.Chunk(fields[2:], 3) {
		if len(f[1]) != 1 {
			return job, frame.ErrFrame
		}
		job.Seen[string(f[0])] = kustomize.Entry{Kind: kustomize.Kind(f[1][0]), Data: f[2]}
	}
	return job, nil
}

func encodeBuilt(objects []kustomize.Built) [][]byte {
	var fields [][]byte
	for _, o := range objects {
		fields = append(fields, o.JSON, []byte(o.Source))
	}
	return fields
}

func decodeBuilt(fields [][]byte) ([]kustomize.Built, error) {
	if len(fields)%2 != 0 {
		return nil, frame.ErrFrame
	}
	out := make([]kustomize.Built, 0, len(fields)/2)
	for f := range slices.Chunk(fields, 2) {
		out = append(out, kustomize.Built{JSON: f[0], Source: string(f[1])})
	}
	return out, nil
}
