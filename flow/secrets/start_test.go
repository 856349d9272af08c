// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/flow/secrets"
)

// TestStart: a program gets its secrets, and not where they come from; what it writes is passed on without them, also in other forms; and how it
// ended is how it ended.
func TestStart(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, script, out, errs string
		code                      int
	}{
		"Values":   {"The program has them.", `test "$PASSWORD" = 's3cr3t of/orders' && test "$PIN" = 12 && test -z "$TRUNKLINE_SECRETS" && echo "$OTHER"`, "kept\n", "", 0},
		"Plain":    {"What it writes is without them.", `echo "it is $PASSWORD!"; echo "and $PASSWORD" >&2`, "it is [redacted]!\n", "and [redacted]\n", 0},
		"Base64":   {"Nor in base64.", `printf %s "$PASSWORD" | base64`, "[redacted]\n", "", 0},
		"URL":      {"Nor as a part of an address.", `echo "http://u:s3cr3t%20of%2Forders@db"`, "http://u:[redacted]@db\n", "", 0},
		"Parts":    {"Nor in parts.", `printf s3cr3t; printf ' of/ord'; printf ers`, "[redacted]", "", 0},
		"Half":     {"The beginning of one is none.", `printf s3cr3t`, "s3cr3t", "", 0},
		"Short":    {"What is too short to be secret would be found anywhere.", `echo 12`, "12\n", "", 0},
		"Lines":    {"A value of several lines is found in each.", `echo "$KEY" | sed 's/^/> /'`, "> [redacted]\n> [redacted]\n", "", 0},
		"Fails":    {"Its exit code is ours.", `exit 3`, "", "", 3},
		"Signal":   {"What a signal ended is said as shells say it.", `kill -TERM $$`, "", "", 143},
		"Orphan":   {"What it leaves running is not waited for.", `sleep 2 >/dev/null 2>&1 & echo done`, "done\n", "", 0},
		"In":       {"It is given what there is to read.", `cat`, "given\n", "", 0},
		"Not":      {"A program that is not there.", "", "", "", 127},
		"NotToRun": {"A file that may not be run.", "", "", "", 126},
	} {
		t.Run(name, func(t *testing.T) {
			command := []string{"/bin/sh", "-c", tc.script}
			switch name {
			case "Not":
				command = []string{"there-is-no-such-program"}
			case "NotToRun":
				file := filepath.Join(t.TempDir(), "file")
				if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
				command = []string{file}
			}
			var out, errs bytes.Buffer
			code, err := secrets.Start(t.Context(), secrets.Program{
				Command: command, Environ: []string{"PATH=" + os.Getenv("PATH"), "OTHER=kept", secretref.Variable + "={}", "PASSWORD=before"},
				Secrets: map[string]string{"PASSWORD": "s3cr3t of/orders", "PIN": "12", "KEY": "-----BEGIN-----\nabcdef"},
				In:      strings.NewReader("given\n"), Out: &out, Err: &errs,
			})
			if (err != nil) != strings.HasPrefix(name, "Not") || code != tc.code || out.String() != tc.out || errs.String() != tc.errs {
				t.Errorf("%s\ngot %d, %v, %q and %q; want %d, %q and %q", tc.reason, code, err, out.String(), errs.String(), tc.code, tc.out, tc.errs)
			}
		})
	}
}

// TestHidden: however a text is cut, no value is in what is passed on, and what is not of one is.
func TestHidden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 3, 6, -1)
		values := map[string]string{"A": word.Draw(t, "a"), "B": word.Draw(t, "b")}
		pieces := rapid.SliceOf(rapid.OneOf(rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 8, -1), rapid.Just(values["A"]), rapid.Just(values["B"]))).Draw(t, "pieces")
		pass := func(pieces ...string) string {
			var out bytes.Buffer
			h := secrets.NewHider(&out, values)
			for _, p := range pieces {
				if _, err := h.Write([]byte(p)); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.Flush(); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		whole := strings.Join(pieces, "")
		got := pass(pieces...)
		if once := pass(whole); got != once {
			t.Fatalf("%q in pieces is %q, and at once %q", whole, got, once)
		}
		for _, v := range values {
			if strings.Contains(got, v) {
				t.Fatalf("%q has %q", got, v)
			}
		}
		if !strings.Contains(whole, values["A"]) && !strings.Contains(whole, values["B"]) && got != whole {
			t.Fatalf("%q became %q, and has no value", whole, got)
		}
	})
}

// TestNothingWaits: what cannot become a value is passed on at once.
func TestNothingWaits(t *testing.T) {
	var out bytes.Buffer
	h := secrets.NewHider(&out, map[string]string{"A": "secret"})
	if _, err := h.Write([]byte("progress: 7 %\rsecond: ")); err != nil || out.String() != "progress: 7 %\rsecond: " {
		t.Errorf("passed on is %q, %v", out.String(), err)
	}
}

// TestInstall: the program is put where all may run it, and one that was there is replaced.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	own, at := filepath.Join(dir, "own"), filepath.Join(dir, "lot")
	if err := os.WriteFile(own, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := secrets.Install(own, at); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(at)
	data, _ := os.ReadFile(at)
	left, _ := filepath.Glob(filepath.Join(dir, ".lot-*"))
	if err != nil || info.Mode().Perm() != 0o555 || string(data) != "program" || len(left) > 0 {
		t.Errorf("it is %v with %q, %v, and %v is left", info, data, err, left)
	}
	if err := secrets.Install(own, filepath.Join(dir, "none", "lot")); err == nil {
		t.Error("a folder that is not there was written to")
	}
}

// TestLeave: a pod leaves the variable and the reason behind, and a machine that is none leaves nothing.
func TestLeave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	failed := &secrets.Error{Variable: "PASSWORD", Reason: secretref.Denied}
	if err := secrets.Leave(file, failed); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was made")
	}
	if err := os.WriteFile(file, []byte("before, which was longer than that"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := secrets.Leave(file, failed); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(file)
	if variable, why, ok := secretref.ParseMessage(string(data)); !ok || variable != "PASSWORD" || why != secretref.Denied {
		t.Errorf("left is %q", data)
	}
}
