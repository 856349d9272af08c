// SPDX-License-Identifier: Apache-2.0

// Package mototest starts moto, which is AWS in memory.
//
// Moto is what test/moto/install.sh puts into .cache/moto, which "make moto" and "make test" call. Tests that need it are of tier 2.
//
// Of Trunkline it imports test/cached.
package mototest

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/test/cached"
)

// startTime is how long moto may take until it listens.
const startTime = 2 * time.Minute

// New starts an AWS of its own for a test, which ends with it, and has the clients of the test find it with credentials, and try each request once.
// It returns its address. The test is skipped in short runs.
func New(t *testing.T, region string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs moto; left out by -short")
	}
	python, err := cached.Path("moto/bin/python", "moto")
	if err != nil {
		t.Fatal(err)
	}
	// Moto has clients of its own, which are told nothing of the test.
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1", "AWS_REGION": region,
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	cmd.Env = environment
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if at := listening.FindStringSubmatch(lines.Text()); at != nil {
				found <- at[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, stderr)
	}()
	select {
	case address := <-found:
		t.Setenv("AWS_ENDPOINT_URL", address)
		return address
	case <-time.After(startTime):
		t.Fatalf("moto does not listen after %s", startTime)
	}
	return ""
}

// listening is how moto says where it is.
var listening = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)
