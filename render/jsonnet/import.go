// SPDX-License-Identifier: Apache-2.0

package jsonnet

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	jsonnet "github.com/google/go-jsonnet"

	"trunkline.dev/trunkline/render/code"
)

// importer finds imports in the tree.
type importer struct {
	ask       func(name string) code.Entry
	libraries []string
	found     map[string]jsonnet.Contents
}

var _ jsonnet.Importer = (*importer)(nil)

// Import implements [jsonnet.Importer]: beside the file that imports, then in the libraries, as Jsonnet's own command does.
func (i *importer) Import(from, name string) (jsonnet.Contents, string, error) {
	if name == "" || path.IsAbs(name) || strings.Contains(name, "\x00") {
		return jsonnet.Contents{}, "", fmt.Errorf("%q is not in the repository: paths of imports are relative to the file, or to a folder of libraries", name)
	}
	var tried []string
	for n, folder := range append([]string{path.Dir(from)}, i.libraries...) {
		full := path.Join(folder, name)
		if from == "" {
			full = name
		}
		if !fs.ValidPath(full) {
			if n == 0 && len(i.libraries) == 0 {
				return jsonnet.Contents{}, "", fmt.Errorf("%q leads out of the repository", name)
			}
			continue
		}
		if contents, known := i.found[full]; known {
			return contents, full, nil
		}
		switch e := i.ask(code.Read(full)); e.Kind {
		case code.File:
			contents := jsonnet.MakeContentsRaw(e.Data)
			i.found[full] = contents
			return contents, full, nil
		case code.Unreadable:
			return jsonnet.Contents{}, "", errors.New(string(e.Data))
		case code.Folder:
			return jsonnet.Contents{}, "", fmt.Errorf("%s is a folder: import a file of it", full)
		default:
			tried = append(tried, full)
		}
	}
	switch len(tried) {
	case 0:
		return jsonnet.Contents{}, "", fmt.Errorf("%q leads out of the repository", name)
	case 1:
		return jsonnet.Contents{}, "", fmt.Errorf("there is no file %s", tried[0])
	}
	return jsonnet.Contents{}, "", fmt.Errorf("there is no file %q: it is none of %s", name, strings.Join(tried, ", "))
}

var columns = regexp.MustCompile(`^(\S+?):(?:(\d+):\d+(?:-\d+)?|\((\d+):\d+\)-\(\d+:\d+\))[: ]\s*`)

// located puts the place of an error of the parser as file and line.
func located(text string) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", " ")
	m := columns.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	return m[1] + ":" + m[2] + m[3] + ": " + text[len(m[0]):]
}
