// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
)

// The first field of a frame says what it is. A request is what it asks for, the bytes of memory that the process may take, and
// what belongs to it. The process sends ask as often as it needs to, is sent entry for each, and sends done or failed at last.
const (
	Ask    = "ask"    // a name
	Entry  = "entry"  // kind, data
	Done   = "done"   // the result
	Failed = "failed" // why
)

// Asker asks whoever sent a request what is at a name.
type Asker func(name string) (kind byte, data []byte)

// Handler answers a request by the fields behind the memory. An error is told as it is; the process goes on.
type Handler func(request [][]byte, ask Asker) (result [][]byte, err error)

// Serve answers the requests that come in on stdin until that ends, and writes the results to stdout. orphaned is called when
// stdin ends, also in the middle of a request: whoever sent it is gone, and it should end the process.
func Serve(stdin io.Reader, stdout io.Writer, orphaned func(), handlers map[string]Handler) error {
	frames := make(chan [][]byte)
	var broken error
	go func() {
		defer close(frames)
		in := bufio.NewReader(stdin)
		for {
			fields, err := Read(in)
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
		handle := handlers[string(fields[0])]
		var memory int64
		if len(fields) < 2 || handle == nil {
			return ErrFrame
		}
		if _, err := fmt.Sscan(string(fields[1]), &memory); err != nil || memory <= 0 {
			return ErrFrame
		}
		limits.Do(func() { limitMemory(memory) })
		if err := serve(fields[2:], frames, stdout, handle); err != nil {
			return err
		}
	}
	return broken
}

// serve answers one request.
func serve(request [][]byte, frames <-chan [][]byte, stdout io.Writer, handle Handler) error {
	var lost error
	result, err := handle(request, func(name string) (byte, []byte) {
		kind, data, err := inquire(name, frames, stdout)
		if err != nil {
			lost = err
		}
		return kind, data
	})
	switch {
	case lost != nil:
		return lost
	case errors.Is(err, ErrFrame):
		return err
	case err != nil:
		return Write(stdout, []byte(Failed), []byte(err.Error()))
	}
	return Write(stdout, append([][]byte{[]byte(Done)}, result...)...)
}

// inquire asks for what is at a name.
func inquire(name string, frames <-chan [][]byte, stdout io.Writer) (byte, []byte, error) {
	if err := Write(stdout, []byte(Ask), []byte(name)); err != nil {
		return missing, nil, err
	}
	fields, open := <-frames
	if !open || len(fields) != 3 || string(fields[0]) != Entry || len(fields[1]) != 1 {
		return missing, nil, ErrFrame
	}
	return fields[1][0], fields[2], nil
}

// missing is the kind of what is not there, in all that is asked for by names.
const missing = 'm'

// limitMemory has the process collect garbage harder as it comes near to the limit, and the operating system end it
// past that.
func limitMemory(bytes int64) {
	debug.SetMemoryLimit(bytes / 2)
	limitData(bytes)
}
