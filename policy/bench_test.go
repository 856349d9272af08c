// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/catalogtest"
	"trunkline.dev/trunkline/policy"
)

// sizes are the numbers of projects that are measured; each has 8 workloads and 6 datasets.
func sizes() []int { return []int{100, 1000, 10000} }

var now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// onDisk writes a platform into a folder.
func onDisk(b *testing.B, projects int) fs.FS {
	b.Helper()
	dir := b.TempDir()
	for name, text := range catalogtest.Platform(projects) {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return os.DirFS(dir)
}

func validate(b *testing.B, tree fs.FS) (*catalog.Catalog, *policy.Result) {
	b.Helper()
	cat, _, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		b.Fatal(err)
	}
	return cat, check(b, policy.Input{Catalog: cat, Now: now})
}

func check(b *testing.B, in policy.Input) *policy.Result {
	b.Helper()
	result, err := policy.Check(b.Context(), in)
	if err != nil || len(result.Problems) > 0 {
		b.Fatal(err, result.Problems)
	}
	return result
}

// BenchmarkValidate is all of it, from files on disk: reading, decoding, linking, the DAG and every rule. Beside it,
// with as many processors, is what the parser of YAML alone takes for the same files.
func BenchmarkValidate(b *testing.B) {
	for _, n := range sizes() {
		tree := onDisk(b, n)
		b.Run(fmt.Sprintf("cold/%d", n), func(b *testing.B) {
			for b.Loop() {
				validate(b, tree)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/project")
		})
		b.Run(fmt.Sprintf("yaml-alone/%d", n), func(b *testing.B) {
			for b.Loop() {
				parseAll(b, tree)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/project")
		})
	}
}

// parseAll parses every file, and keeps nothing.
func parseAll(b *testing.B, tree fs.FS) {
	b.Helper()
	var names []string
	if err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	}); err != nil {
		b.Fatal(err)
	}
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(names); i += workers {
				data, err := fs.ReadFile(tree, names[i])
				if err != nil {
					b.Error(err)
					return
				}
				parser := yaml.NewDecoder(bytes.NewReader(data))
				for {
					var node yaml.Node
					if err := parser.Decode(&node); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkRevalidate is what one changed project costs on a platform that is validated already: a change that nobody
// else sees, and one that those who read its datasets have to be looked at for.
func BenchmarkRevalidate(b *testing.B) {
	const changed = 7
	file := catalogtest.File(changed)
	for _, n := range sizes() {
		tree := onDisk(b, n)
		cat, result := validate(b, tree)
		original, err := fs.ReadFile(tree, file)
		if err != nil {
			b.Fatal(err)
		}
		for name, change := range map[string]string{"command": "--step", "contract": "2026-01-01"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				cat, result := cat, result
				for i := 0; b.Loop(); i++ {
					replacement := map[string]string{"command": fmt.Sprintf("--step%d", i), "contract": fmt.Sprintf("2026-01-%02d", i%28+1)}[name]
					text := string(bytes.ReplaceAll(original, []byte(change), []byte(replacement)))
					next, _, err := cat.Update(catalogtest.Over{FS: tree, Name: file, Text: text}, []string{file})
					if err != nil {
						b.Fatal(err)
					}
					result = check(b, policy.Input{Catalog: next, Now: now, Previous: result})
					cat = next
				}
			})
		}
	}
}

// BenchmarkMemory is what a validated platform holds, and the most that validating it took from the system.
func BenchmarkMemory(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tree := onDisk(b, n)
			var before, after runtime.MemStats
			for b.Loop() {
				debug.FreeOSMemory()
				runtime.ReadMemStats(&before)
				cat, result := validate(b, tree)
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(cat)
				runtime.KeepAlive(result)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-held")
			b.ReportMetric(float64(after.Sys)/1e6, "MB-peak")
		})
	}
}
