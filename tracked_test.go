// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxTracked is the largest file that may be committed, in bytes: every clone carries it for ever.
const maxTracked = 1 << 20

// binaries are the tracked files that are not text, each with the reason why it cannot be. A row whose file is gone, or
// has become text, is an error, so that nothing else slips in under its name.
var binaries = map[string]string{
	"docs/images/console-costs-dark.webp":         picture,
	"docs/images/console-costs-light.webp":        picture,
	"docs/images/console-graph-dark.webp":         picture,
	"docs/images/console-graph-light.webp":        picture,
	"docs/images/console-lots-dark.webp":          picture,
	"docs/images/console-lots-light.webp":         picture,
	"docs/images/console-platform-dark.webp":      picture,
	"docs/images/console-platform-light.webp":     picture,
	"docs/images/console-pull-request-dark.webp":  picture,
	"docs/images/console-pull-request-light.webp": picture,
	"docs/images/console-release-dark.webp":       picture,
	"docs/images/console-release-light.webp":      picture,
	"docs/images/deployed.webp":                   picture,
	"docs/images/fixed-by-a-push.webp":            picture,
	"docs/images/pull-request-dark-desktop.webp":  picture,
	"docs/images/pull-request-dark-phone.webp":    picture,
	"docs/images/pull-request-light-desktop.webp": picture,
	"render/kinds/fields.gob.gz":                  "the fields of Kubernetes' kinds, which make golden writes from client-go; a test holds them to it",
}

// picture is why the pictures of the documentation are there: they have to show what "make demo" does, and the console.
const picture = "a picture of the demo or the console, which make images takes"

// magics are how files begin that are binaries even if all of their bytes happen to be text.
var magics = []struct{ prefix, what string }{
	{"\x7fELF", "an ELF program or object"},
	{"MZ", "a Windows program"},
	{"\xfe\xed\xfa\xce", "a Mach-O program"},
	{"\xfe\xed\xfa\xcf", "a Mach-O program"},
	{"\xce\xfa\xed\xfe", "a Mach-O program"},
	{"\xcf\xfa\xed\xfe", "a Mach-O program"},
	{"\xca\xfe\xba\xbe", "a Mach-O or Java program"},
	{"!<arch>\n", "an archive of objects"},
	{"PK\x03\x04", "a zip archive"},
	{"PK\x05\x06", "a zip archive"},
	{"\x1f\x8b", "gzip"},
	{"BZh", "bzip2"},
	{"\xfd7zXZ\x00", "xz"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"\x89PNG\r\n", "a PNG image"},
	{"RIFF", "a WebP image or another medium"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"GIF8", "a GIF image"},
	{"%PDF-", "a PDF document"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"\x00asm", "WebAssembly"},
}

// binary returns what makes content a binary; empty if it is text.
func binary(content []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(content, []byte(m.prefix)) {
			return m.what
		}
	}
	if at := bytes.IndexByte(content, 0); at >= 0 {
		return fmt.Sprintf("a NUL at byte %d", at)
	}
	if !utf8.Valid(content) {
		return "bytes that are not UTF-8"
	}
	return ""
}

// refused returns why a file may not be tracked; empty if it may.
func refused(mode string, size int64, content []byte, listed bool) string {
	what := binary(content)
	switch {
	case mode == "160000":
		return "it is a submodule, which a clone and the module proxy do not bring along"
	case size > maxTracked:
		return fmt.Sprintf("it has %d bytes, more than %d: generate it, or fetch it in the Makefile", size, maxTracked)
	case what != "" && !listed:
		return fmt.Sprintf("it is a binary (%s): remove it with `git rm --cached` and add it to .gitignore, or list it in tracked_test.go with a reason", what)
	case what == "" && listed:
		return "it is listed as a binary and is text: remove its row in tracked_test.go"
	default:
		return ""
	}
}

// plainName is how tracked files are called, so that every tool and file system takes them.
var plainName = regexp.MustCompile(`^[A-Za-z0-9._/@+-]+$`)

// TestTrackedFiles refuses what does not belong in a repository: a program that was built at the root, 111 MB of it,
// was once committed by `git add .`.
func TestTrackedFiles(t *testing.T) {
	list, err := exec.CommandContext(t.Context(), "git", "ls-files", "--stage", "-z").Output()
	if err != nil {
		t.Fatalf("listing the tracked files: %v; this test runs in a clone, not in an archive of the sources", err)
	}
	seen := map[string]bool{}
	for entry := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		meta, name, ok := strings.Cut(entry, "\t")
		if !ok {
			t.Fatalf("git ls-files printed %q", entry)
		}
		mode, _, _ := strings.Cut(meta, " ")
		size, content, err := readTracked(name)
		if os.IsNotExist(err) {
			continue // removed from the work tree, and not from the index yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if !plainName.MatchString(name) {
			t.Errorf("%q: a file's name has letters, digits, and . _ - only; a test may have left it", name)
		}
		_, listed := binaries[name]
		seen[name] = true
		if why := refused(mode, size, content, listed); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
	if len(seen) < 500 {
		t.Fatalf("git lists %d files only: the listing is broken, and this test checks nothing", len(seen))
	}
	for name := range binaries {
		if !seen[name] {
			t.Errorf("%s is listed as a binary and is not tracked: remove its row in tracked_test.go", name)
		}
	}
}

// readTracked returns a file's size and as much of its content as may be tracked; of a symbolic link, its target.
func readTracked(name string) (int64, []byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return 0, nil, err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(name)
		return int64(len(target)), []byte(target), err
	}
	if info.IsDir() {
		return 0, nil, nil // a submodule
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxTracked))
	return info.Size(), content, err
}

func TestRefusedFiles(t *testing.T) {
	const text, script = "100644", "100755"
	for _, tt := range []struct {
		name, reason  string
		mode, content string
		size          int64
		listed        bool
		want          string // a part of the refusal
	}{
		{name: "text", reason: "most files", mode: text, content: "package plan\n"},
		{name: "empty", reason: "an empty file is text", mode: text},
		{name: "umlauts", reason: "UTF-8 is text, whatever the language", mode: text, content: "größer ✓\n"},
		{name: "script", reason: "an executable bit makes no binary", mode: script, content: "#!/bin/sh\n"},
		{name: "link", reason: "a link's content is its target", mode: "120000", content: "../README.md"},
		{name: "at the limit", reason: "1 MiB is allowed", mode: text, content: "x", size: maxTracked},
		{name: "above it", reason: "one byte more is not", mode: text, content: "x", size: maxTracked + 1, want: "more than 1048576"},
		{name: "listed and large", reason: "the list is about content, not about size", mode: text, content: "\x00", size: maxTracked + 1, listed: true, want: "more than"},
		{name: "program", reason: "what `go build` leaves at the root", mode: script, content: "\x7fELF\x02\x01\x01", want: "ELF"},
		{name: "program of macOS", reason: "so does a colleague's Mac", mode: script, content: "\xcf\xfa\xed\xfe\x07", want: "Mach-O"},
		{name: "program of Windows", reason: "and a colleague's PC", mode: script, content: "MZ\x90", want: "Windows"},
		{name: "zip", reason: "archives hide what is in them from review", mode: text, content: "PK\x03\x04\x14", want: "zip"},
		{name: "gzip", reason: "so do compressed files", mode: text, content: "\x1f\x8b\x08", want: "gzip"},
		{name: "late NUL", reason: "tables begin with readable names", mode: text, content: strings.Repeat("name\n", 4000) + "\x00", want: "NUL at byte 20000"},
		{name: "Latin-1", reason: "an editor's encoding is no text here", mode: text, content: "gr\xf6\xdfer\n", want: "not UTF-8"},
		{name: "listed", reason: "what has a reason may stay", mode: text, content: "\x00", listed: true},
		{name: "listed text", reason: "a stale row would let a binary in later", mode: text, content: "text", listed: true, want: "remove its row"},
		{name: "submodule", reason: "the module proxy does not bring it", mode: "160000", want: "submodule"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			size := max(tt.size, int64(len(tt.content)))
			got := refused(tt.mode, size, []byte(tt.content), tt.listed)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}
