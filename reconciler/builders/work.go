// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"bufio"
	"context"
	"errors"
	"io"
	"runtime/debug"
	"sync"

	"trunkline.dev/trunkline/render/kustomize"
)

// Work builds what comes in on stdin until that ends, and writes the results to stdout. It is the whole life of a
// process that a [Pool] starts. orphaned is called when stdin ends, also in the middle of a build: whoever asked for
// it is gone, and it should end the process.
func Work(stdin io.Reader, stdout io.Writer, orphaned func()) error {
	frames := make(chan [][]byte)
	var broken error
	go func() {
		defer close(frames)
		in := bufio.NewReader(stdin)
		for {
			fields, err := readFrame(in)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					broken = err
				}
				orphaned()
				return
			}
			frames <- fields
		}
	}()
	var limits sync.Once
	for fields := range frames {
		job, memory, err := decodeBuild(fields)
		if err != nil {
			return err
		}
		limits.Do(func() { limitMemory(memory) })
		if err := serve(job, frames, stdout); err != nil {
			return err
		}
	}
	return broken
}

// serve does one build.
func serve(job kustomize.Job, frames <-chan [][]byte, stdout io.Writer) error {
	var lost error
	job.Stat = func(name string) kustomize.Entry {
		e, err := inquire(name, frames, stdout)
		if err != nil {
			lost = err
		}
		return e
	}
	objects, err := kustomize.InProcess{}.Build(context.Background(), job)
	switch {
	case lost != nil:
		return lost
	case err != nil:
		return writeFrame(stdout, []byte(failed), []byte(err.Error()))
	}
	return writeFrame(stdout, encodeDone(objects)...)
}

// inquire asks for what is at a path.
func inquire(name string, frames <-chan [][]byte, stdout io.Writer) (kustomize.Entry, error) {
	missing := kustomize.Entry{Kind: kustomize.Missing}
	if err := writeFrame(stdout, []byte(ask), []byte(name)); err != nil {
		return missing, err
	}
	fields, open := <-frames
	if !open || string(fields[0]) != entry {
		return missing, errFrame
	}
	return decodeEntry(fields[1:])
}

// limitMemory has the process collect garbage harder as it comes near to the limit, and the operating system end it
// past that.
func limitMemory(bytes int64) {
	debug.SetMemoryLimit(bytes / 2)
	limitData(bytes)
}
