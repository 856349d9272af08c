// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/render/kustomize"
)

func TestFramesComeBack(t *testing.T) {
	job := kustomize.Job{Root: "/tree/app", Seen: map[string]kustomize.Entry{
		"/tree/app": {Kind: kustomize.Folder, Data: []byte{}}, "/tree/a": {Kind: kustomize.File, Data: []byte("a\x00b")},
		"/tree/no": {Kind: kustomize.Missing, Data: []byte{}},
	}}
	var pipe bytes.Buffer
	if err := frame.Write(&pipe, encodeBuild(job, 5)...); err != nil {
		t.Fatal(err)
	}
	fields, err := frame.Read(&pipe)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeBuild(fields[2:])
	if err != nil || string(fields[1]) != "5" {
		t.Fatalf("memory %s, %v", fields[1], err)
	}
	if diff := cmp.Diff(job, got); diff != "" {
		t.Errorf("the job (-sent +got):\n%s", diff)
	}
	if _, err := frame.Read(&pipe); err != io.EOF { //nolint:errorlint // what the contract says
		t.Errorf("after the last frame: %v, want EOF", err)
	}
	if err := frame.Write(io.Discard, make([]byte, frame.Max)); err == nil {
		t.Error("a frame that is too long is sent")
	}
}

// FuzzFrame: whatever comes over the pipe is a message or an error.
func FuzzFrame(f *testing.F) {
	var pipe bytes.Buffer
	if err := frame.Write(&pipe, encodeBuilt([]kustomize.Built{{JSON: []byte("{}"), Source: "a"}})...); err != nil {
		f.Fatal(err)
	}
	f.Add(pipe.Bytes())
	f.Add([]byte{0, 0, 0, 3, 2, 'x'})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		fields, err := frame.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if len(fields) == 0 {
			t.Fatal("a frame without a field")
		}
		_, _ = decodeBuild(fields)
		_, _ = decodeBuilt(fields)
		var again bytes.Buffer
		if err := frame.Write(&again, fields...); err != nil {
			t.Fatal(err)
		}
		back, err := frame.Read(&again)
		if diff := cmp.Diff(fields, back); err != nil || diff != "" {
			t.Fatalf("%v (-sent +got):\n%s", err, diff)
		}
	})
}
