// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// noticeable is how long a command takes before it shows how far it is. Tests have less.
var noticeable = time.Second

// refresh is how often it shows that again.
const refresh = 100 * time.Millisecond

// readingDeclarations is what most commands do first.
const readingDeclarations = "reading declarations"

// progress shows people at a terminal how far a command is, once it has taken a while, on a line that is gone before anything
// else is printed. A nil one shows nothing. It may be used by several goroutines.
type progress struct {
	// screen is held by who writes.
	screen sync.Mutex
	to     io.Writer

	mu  sync.Mutex
	now step

	stop    func()
	stopped chan struct{}
}

// step is what is being done, and how much of it: nobody knows if the total is 0.
type step struct {
	what        string
	done, total int
}

// showProgress shows how far a command is; nothing where its output is not read at a terminal as it is written. The caller ends
// it before it prints.
func showProgress(cmd *cobra.Command, what string) *progress {
	ci := os.Getenv("CI")
	if !isTerminal(cmd.OutOrStdout()) || !isTerminal(cmd.ErrOrStderr()) || ci != "" && ci != "false" || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return startProgress(cmd.ErrOrStderr(), what, noticeable)
}

func startProgress(to io.Writer, what string, after time.Duration) *progress {
	end := make(chan struct{})
	p := &progress{to: to, now: step{what: what}, stop: sync.OnceFunc(func() { close(end) }), stopped: make(chan struct{})}
	go p.show(end, after)
	return p
}

// rendering says how many releases are rendered; with none it begins again.
func (p *progress) rendering(done, total int) { p.at("rendering", done, total) }

func (p *progress) at(what string, done, total int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now.what == what && p.now.total == total && done > 0 {
		done = max(done, p.now.done) // several goroutines count, and the last to say so need not be the last that counted
	}
	p.now = step{what, done, total}
}

// end takes the line away.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.stop()
	<-p.stopped
}

// show shows what is done now, again and again.
func (p *progress) show(end <-chan struct{}, after time.Duration) {
	defer close(p.stopped)
	select {
	case <-end:
		return
	case <-time.After(after):
	}
	again := time.NewTicker(refresh)
	defer again.Stop()
	var line *progressbar.ProgressBar
	var shown step
	for {
		p.mu.Lock()
		now := p.now
		p.mu.Unlock()
		if line == nil || now.what != shown.what || now.total != shown.total || now.done < shown.done {
			p.clear()
			line = newLine(p.to, now)
		}
		shown = now
		p.draw(line, now.done)
		select {
		case <-again.C:
		case <-end:
			p.clear()
			return
		}
	}
}

// draw writes the line over what it was. Whoever cannot see it misses nothing else.
func (p *progress) draw(line *progressbar.ProgressBar, done int) {
	p.screen.Lock()
	defer p.screen.Unlock()
	_ = line.Set(done)
	_ = line.RenderBlank()
}

// clear takes the line away, and leaves the cursor where it began.
func (p *progress) clear() {
	p.screen.Lock()
	defer p.screen.Unlock()
	_, _ = io.WriteString(p.to, clearLine)
}

// clearLine has a terminal empty the line of its cursor.
const clearLine = "\r\x1b[2K"

// beside returns a writer for lines that are written while the progress is shown.
func (p *progress) beside(w io.Writer) io.Writer {
	if p == nil {
		return w
	}
	return besides{p, w}
}

type besides struct {
	*progress

	w io.Writer
}

func (b besides) Write(line []byte) (int, error) {
	b.screen.Lock()
	defer b.screen.Unlock()
	_, _ = io.WriteString(b.to, clearLine)
	return b.w.Write(line)
}

// newLine is a bar with counts, or a spinner where the total is not known.
func newLine(to io.Writer, now step) *progressbar.ProgressBar {
	const bar = 20
	options := []progressbar.Option{
		progressbar.OptionSetWriter(to), progressbar.OptionSetDescription(now.what), progressbar.OptionSetWidth(bar), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionSetSpinnerChangeInterval(0),
	}
	if now.total == 0 {
		return progressbar.NewOptions(-1, append(options, progressbar.OptionSpinnerType(11))...)
	}
	return progressbar.NewOptions(now.total, append(options, progressbar.OptionShowCount(), progressbar.OptionSetElapsedTime(false))...)
}
