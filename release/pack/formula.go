// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"

	"trunkline.dev/trunkline/release/source"
)

// formula is one of Homebrew. It installs what is in the archives and builds nothing.
var formula = template.Must(template.New("formula").Parse(`class Trunkline < Formula
  desc "GitOps daemon for data platforms"
  homepage "https://trunkline.dev"
  version "{{.Version}}"
  license "Apache-2.0"
{{range .Systems}}
  on_{{.Name}} do
{{- range .Archives}}
    on_{{.CPU}} do
      url "{{.URL}}"
      sha256 "{{.Sum}}"
    end
{{- end}}
  end
{{end}}
  def install
    bin.install "trunkline", "lot"
    bash_completion.install "completions/trunkline.bash" => "trunkline"
    zsh_completion.install "completions/_trunkline"
    fish_completion.install "completions/trunkline.fish"
    man1.install Dir["man/man1/*.1"]
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/trunkline version")
  end
end
`))

// Formula is a formula of Homebrew for archives, which are to be had below a URL.
func Formula(version, below string, archives map[source.Platform]string) ([]byte, error) {
	type archive struct{ CPU, URL, Sum string }
	type system struct {
		Name     string
		Archives []archive
	}
	var systems []system
	for _, s := range []struct{ goos, brew string }{{"darwin", "macos"}, {"linux", "linux"}} {
		in := system{Name: s.brew}
		for _, cpu := range []struct{ goarch, brew string }{{"arm64", "arm"}, {"amd64", "intel"}} {
			name, ok := archives[source.Platform{OS: s.goos, Arch: cpu.goarch}]
			if !ok {
				continue
			}
			sum, err := Sum(name)
			if err != nil {
				return nil, err
			}
			in.Archives = append(in.Archives, archive{CPU: cpu.brew, URL: strings.TrimSuffix(below, "/") + "/" + filepath.Base(name), Sum: sum})
		}
		if len(in.Archives) > 0 {
			systems = append(systems, in)
		}
	}
	if len(systems) == 0 {
		return nil, fmt.Errorf("a formula needs an archive for macOS or Linux, and there are %d", len(archives))
	}
	var out bytes.Buffer
	err := formula.Execute(&out, map[string]any{"Version": version, "Systems": systems})
	return out.Bytes(), err
}
