// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"trunkline.dev/trunkline/scaffold"
)

// terminal returns the input to ask questions on: a terminal with someone before it, which there is none of in CI.
func terminal(stdin io.Reader, ci string) (io.Reader, bool) {
	f, ok := stdin.(*os.File)
	if !ok || ci != "" && ci != "false" || !term.IsTerminal(int(f.Fd())) {
		return nil, false
	}
	return f, true
}

// ask asks for every answer that was not given, or that cannot be taken, until it can be. An empty line takes the
// default.
func ask(ctx context.Context, from io.Reader, to io.Writer, asked []scaffold.Asked) error {
	lines := make(chan string)
	ended := make(chan error, 1)
	go func() {
		in := bufio.NewScanner(from)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
		err := in.Err()
		if err == nil {
			err = errors.New("the input ended")
		}
		ended <- err
	}()
	for i := range asked {
		a := &asked[i]
		if a.Given && a.Wrong != "" {
			if err := say(to, "%s: %s\n", a.Name, a.Wrong); err != nil {
				return err
			}
		}
		for !a.Given || a.Wrong != "" {
			fallback := ""
			if a.Wrong == "" {
				fallback = a.Answer
			}
			prompt := a.Prompt
			if fallback != "" {
				prompt += " [" + fallback + "]"
			}
			if err := say(to, "%s: ", prompt); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return errors.New("interrupted: nothing is written")
			case err := <-ended:
				return fmt.Errorf("reading the answer to %q: %w; nothing is written", a.Name, err)
			case line := <-lines:
				if line = strings.TrimSpace(line); line == "" {
					line = fallback
				}
				a.Answer, a.Given, a.Wrong = line, true, a.Check(line)
			}
			if a.Wrong != "" {
				if err := say(to, "  %s\n", a.Wrong); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func say(to io.Writer, format string, args ...any) error {
	_, err := io.WriteString(to, plain(fmt.Sprintf(format, args...)))
	return err
}
