// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/render/kustomize"
)

// The first field of a frame says what it is. The pool sends build, and entry for each ask; the process sends ask as
// often as it needs to, and then done or failed.
const (
	build  = "build"  // memory, root, whether it sets a schema, and a path, a kind and data for each file
	ask    = "ask"    // path
	entry  = "entry"  // kind, data
	done   = "done"   // an object and its source for each
	failed = "failed" // why
)

// encodeBuild is the frame of a job, for a process that may take so much memory, in bytes.
func encodeBuild(job kustomize.Job, memory int64) [][]byte {
	fields := [][]byte{[]byte(build), fmt.Append(nil, memory), []byte(job.Root), fmt.Append(nil, job.OwnSchema)}
	for _, name := range slices.Sorted(maps.Keys(job.Seen)) {
		e := job.Seen[name]
		fields = append(fields, []byte(name), []byte{byte(e.Kind)}, e.Data)
	}
	return fields
}

func decodeBuild(fields [][]byte) (job kustomize.Job, memory int64, err error) {
	if len(fields)%3 != 1 || len(fields) < 4 || string(fields[0]) != build {
		return job, 0, errFrame
	}
	if _, err := fmt.Sscan(string(fields[1]), &memory); err != nil || memory <= 0 {
		return job, 0, errFrame
	}
	job = kustomize.Job{Root: string(fields[2]), OwnSchema: string(fields[3]) == "true", Seen: map[string]kustomize.Entry{}}
	for f := range slices.Chunk(fields[4:], 3) {
		if job.Seen[string(f[0])], err = decodeEntry(f[1:]); err != nil {
			return job, 0, err
		}
	}
	return job, memory, nil
}

func decodeEntry(fields [][]byte) (kustomize.Entry, error) {
	if len(fields) != 2 || len(fields[0]) != 1 {
		return kustomize.Entry{}, errFrame
	}
	return kustomize.Entry{Kind: kustomize.Kind(fields[0][0]), Data: fields[1]}, nil
}

func encodeDone(objects []kustomize.Built) [][]byte {
	fields := [][]byte{[]byte(done)}
	for _, o := range objects {
		fields = append(fields, o.JSON, []byte(o.Source))
	}
	return fields
}

func decodeDone(fields [][]byte) ([]kustomize.Built, error) {
	if len(fields)%2 != 1 {
		return nil, errFrame
	}
	out := make([]kustomize.Built, 0, len(fields)/2)
	for f := range slices.Chunk(fields[1:], 2) {
		out = append(out, kustomize.Built{JSON: f[0], Source: string(f[1])})
	}
	return out, nil
}
