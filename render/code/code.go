// SPDX-License-Identifier: Apache-2.0

package code

import (
	"context"
	"fmt"
	"sync"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// Kind is what is at a path.
type Kind byte

// The kinds of an [Entry].
const (
	Missing    Kind = 'm'
	Folder     Kind = 'd'
	File       Kind = 'f'
	Unreadable Kind = 'u'
)

// Entry is what is at a path.
type Entry struct {
	Kind Kind
	// Data is the content of a File, the names in a Folder, and why something is Unreadable; see [Look] for when it is there.
	Data []byte
}

// Job is one program to evaluate.
type Job struct {
	// Language is a key of the table of those that a process knows.
	Language string
	// Entry is the file or folder where the program begins, by its path in the tree.
	Entry string
	// Given is what the program is given, as JSON; what is in it is up to the language.
	Given []byte
	// Ask says what is at a path of the tree; see [Look] and [Read]. It need not be safe for several goroutines.
	Ask func(name string) Entry
}

// Language evaluates a program of one language to JSON. It may read what the job lets it read, and nothing else: no environment, no
// network, no clock and no chance.
type Language func(job Job) ([]byte, error)

// Evaluator has jobs run. It must be safe for several goroutines. An error that is of no more use at the next attempt, such as that of a
// process that ended, has a method Transient() bool that says so.
type Evaluator interface {
	Evaluate(ctx context.Context, job Job) ([]byte, error)
}

// InProcess evaluates where it is called. What has begun cannot be stopped, and a program that takes all memory or all of the stack ends
// this process: it is for tests, and for processes that are there for nothing else.
type InProcess map[string]Language

// Evaluate implements [Evaluator].
func (p InProcess) Evaluate(ctx context.Context, job Job) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	language := p[job.Language]
	if language == nil {
		return nil, fmt.Errorf("this program does not know the language %q", job.Language)
	}
	return Run(language, job)
}

// Run evaluates a job, and holds the value to the size that a workload may have. A language may read several files at a time; the job is
// asked for one after the other.
func Run(language Language, job Job) (value []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("the engine failed: %v", r)
		}
	}()
	var asking sync.Mutex
	ask := job.Ask
	job.Ask = func(name string) Entry {
		asking.Lock()
		defer asking.Unlock()
		return ask(name)
	}
	value, err = language(job)
	if err == nil && len(value) > manifest.MaxBytes {
		return nil, fmt.Errorf("renders to more than %d MiB", manifest.MaxBytes>>20)
	}
	return value, err
}

// Title is how people write the name of a language.
func Title(language string) string {
	switch language {
	case "jsonnet":
		return "Jsonnet"
	case "cue":
		return "CUE"
	}
	return language
}
