// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/render/kustomize"
)

func TestFramesComeBack(t *testing.T) {
	job := kustomize.Job{Root: "/tree/app", Seen: map[string]kustomize.Entry{
		"/tree/app": {Kind: kustomize.Folder, Data: []byte{}}, "/tree/a": {Kind: kustomize.File, Data: []byte("a\x00b")},
		"/tree/no": {Kind: kustomize.Missing, Data: []byte{}},
	}}
	var pipe bytes.Buffer
	if err := writeFrame(&pipe, encodeBuild(job, 5)...); err != nil {
		t.Fatal(err)
	}
	fields, err := readFrame(&pipe)
	if err != nil {
		t.Fatal(err)
	}
	got, memory, err := decodeBuild(fields)
	if err != nil || memory != 5 {
		t.Fatalf("memory %d, %v", memory, err)
	}
	if diff := cmp.Diff(job, got); diff != "" {
		t.Errorf("the job (-sent +got):\n%s", diff)
	}
	if _, err := readFrame(&pipe); err != io.EOF { //nolint:errorlint // what the contract says
		t.Errorf("after the last frame: %v, want EOF", err)
	}
	if err := writeFrame(io.Discard, make([]byte, maxFrame)); err == nil {
		t.Error("a frame that is too long is sent")
	}
}

// FuzzFrame: whatever comes over the pipe is a message or an error.
func FuzzFrame(f *testing.F) {
	var pipe bytes.Buffer
	if err := writeFrame(&pipe, encodeDone([]kustomize.Built{{JSON: []byte("{}"), Source: "a"}})...); err != nil {
		f.Fatal(err)
	}
	f.Add(pipe.Bytes())
	f.Add([]byte{0, 0, 0, 3, 2, 'x'})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		fields, err := readFrame(bytes.NewReader(data))
		if err != nil {
			return
		}
		if len(fields) == 0 {
			t.Fatal("a frame without a field")
		}
		_, _, _ = decodeBuild(fields)
		_, _ = decodeDone(fields)
		_, _ = decodeEntry(fields[1:])
		var again bytes.Buffer
		if err := writeFrame(&again, fields...); err != nil {
			t.Fatal(err)
		}
		back, err := readFrame(&again)
		if diff := cmp.Diff(fields, back); err != nil || diff != "" {
			t.Fatalf("%v (-sent +got):\n%s", err, diff)
		}
	})
}
