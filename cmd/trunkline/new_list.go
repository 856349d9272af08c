// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/scaffold"
)

// list prints the templates, of one kind or of all.
func (n *creation) list(w io.Writer) error {
	tree, err := git.OpenDir(n.from)
	if err != nil {
		return err
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Kind", "Template", "From", "Answers", "Description"})
	for _, kind := range scaffold.Kinds() {
		if n.kind != "" && n.kind != kind {
			continue
		}
		names, err := scaffold.Names(tree, kind)
		if err != nil {
			return err
		}
		for _, name := range names {
			template, err := scaffold.Open(tree, kind, name)
			if err != nil {
				t.AppendRow(table.Row{kind, plain(name), "here", "", plain(oneLine(err.Error()))})
				continue
			}
			from := "trunkline"
			if template.Own {
				from = "here"
			}
			var answers []string
			for _, q := range template.Questions {
				answers = append(answers, q.Name)
			}
			t.AppendRow(table.Row{kind, plain(name), from, strings.Join(answers, ","), plain(template.Description)})
		}
	}
	_, err = io.WriteString(w, trimLines(t.Render())+"\n")
	return err
}
