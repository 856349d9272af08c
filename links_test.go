// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	mdFence   = regexp.MustCompile("(?ms)^```.*?^```$")
	mdCode    = regexp.MustCompile("`[^`\n]+`")
)

// anchor returns the name by which GitHub links to a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		default:
			return -1
		}
	}, strings.TrimSpace(heading))
}

// prose returns a page without its code, in which links are not links.
func prose(page string) string {
	return mdCode.ReplaceAllString(mdFence.ReplaceAllString(page, ""), "")
}

// TestLinksOfPages follows every link of a page to a file of the repository, and to a heading in it.
func TestLinksOfPages(t *testing.T) {
	list, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--", "*.md").Output()
	if err != nil {
		t.Fatalf("listing the pages: %v", err)
	}
	links := 0
	for file := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		if strings.Contains(file, "testdata/") {
			continue
		}
		page, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue // removed from the work tree, and not from the index yet
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mdLink.FindAllStringSubmatch(prose(string(page)), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			to, heading, _ := strings.Cut(m[1], "#")
			target := file
			if to != "" {
				target = path.Join(path.Dir(file), to)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: links to %s, which does not exist", file, m[1])
				continue
			}
			if heading != "" && !hasHeading(t, target, heading) {
				t.Errorf("%s: links to %s, and %s has no such heading", file, m[1], target)
			}
		}
	}
	if links < 50 {
		t.Fatalf("found %d links only: the search is broken, and this test checks nothing", links)
	}
}

func hasHeading(t *testing.T, file, name string) bool {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mdHeading.FindAllStringSubmatch(mdFence.ReplaceAllString(string(page), ""), -1) {
		if anchor(strings.ReplaceAll(m[1], "`", "")) == name {
			return true
		}
	}
	return false
}
