// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	key, hook := filepath.Join(dir, KeyFile), filepath.Join(dir, HookFile)
	f, err := Reserve(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Reserve(dir); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("reserved twice: %v", err)
	}
	if err := f.Write(App{Key: Secret("key"), HookSecret: Secret("hook")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Errorf("discarding what is written: %v", err)
	}
	for name, want := range map[string]string{key: "key", hook: "hook"} {
		got, err := os.ReadFile(name)
		if err != nil || string(got) != want {
			t.Errorf("%s has %q, want %q (%v)", name, got, want, err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600 (%v)", name, info.Mode(), err)
		}
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := Reserve(dir); err == nil {
		t.Error("the secret of the hook was written over")
	}
	if got, err := os.ReadFile(hook); err != nil || string(got) != "hook" {
		t.Errorf("the secret of the hook has %q now (%v)", got, err)
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half of what was reserved is left: %v", err)
	}
}

func TestFilesOfNobody(t *testing.T) {
	dir := t.TempDir()
	f, err := Reserve(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if f, err = Reserve(dir); err != nil {
		t.Fatalf("what was discarded is still there: %v", err)
	}
	if err := f.Write(App{Key: Secret("key")}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, HookFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file for a secret that there is not: %v", err)
	}
	link := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(link, KeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Reserve(link); err == nil {
		t.Error("a link is followed")
	}
	if _, err := Reserve(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	app := App{Name: "n", Key: Secret("-----BEGIN"), HookSecret: Secret("hush")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{app, &app, app.Key, app.HookSecret} {
			if got := fmt.Sprintf(format, value); strings.Contains(got, "hush") || strings.Contains(got, "BEGIN") || strings.Contains(got, "68757368") {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
}
