// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/document"
)

func newIdentity() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Show which rights on data workloads need in the cloud",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("name a subcommand: policy")
		},
	}
	cmd.AddCommand(newIdentityPolicy())
	return cmd
}

// policyOf is what "trunkline identity policy" is asked for.
type policyOf struct {
	from                                       source
	project, env, workload, cloud, format, dir string
}

func newIdentityPolicy() *cobra.Command {
	var p policyOf
	cmd := &cobra.Command{
		Use:   "policy PROJECT --env ENVIRONMENT",
		Short: "Print the policies by which workloads may use their data",
		Long: `Policy prints, for each account that workloads of a project run as in an
environment, the rights that they need on what they read and write, and no other:
a policy of AWS, bindings with conditions of Google Cloud, or role assignments
with conditions of Azure. With each comes who may be that account: the service
accounts of the clusters.

Who the accounts are in the cloud is what identity or dataAccess.principal of the
environment says. Where several workloads run as one account, it gets what all of
them need, in other projects and environments, too, and the output names them.

It works offline, from the files on disk or a revision of the repository. What
cannot be expressed is an error, with its place.`,
		Example: `  trunkline identity policy orders --env prod
  trunkline identity policy orders -e prod --workload clean -o yaml
  trunkline identity policy orders -e prod --cloud aws --folder iam/`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one project: trunkline identity policy PROJECT --env ENVIRONMENT")
			}
			p.project = args[0]
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd) },
	}
	p.from.flags(cmd)
	cmd.Flags().StringVarP(&p.env, "env", "e", "", "environment whose data are read and written")
	cmd.Flags().StringVar(&p.workload, "workload", "", "only the account of this workload")
	cmd.Flags().StringVar(&p.cloud, "cloud", "", "aws, gcp or azure (default that of the environment)")
	cmd.Flags().StringVarP(&p.format, "output", "o", "json", "output format: json or yaml")
	cmd.Flags().StringVar(&p.dir, "folder", "", "write each policy and trust to a file of its own in this folder")
	return cmd
}

func (p *policyOf) run(cmd *cobra.Command) error {
	cloud := catalog.Provider(p.cloud)
	switch {
	case p.env == "":
		return usagef("no environment given: add --env ENVIRONMENT")
	case p.format != "json" && p.format != "yaml":
		return usagef("unknown output format %q: choose json or yaml", p.format)
	case p.cloud != "" && !slices.Contains(catalog.Providers(), cloud):
		return usagef("unknown cloud %q: choose aws, gcp or azure", p.cloud)
	}
	_, cat, err := p.from.load(cmd)
	if err != nil {
		return err
	}
	if _, err := pick(cat, p.project, p.env, ""); err != nil {
		return err
	}
	if cloud, err = p.cloudOf(cat, cloud); err != nil {
		return err
	}
	principals, err := p.principals(cat, cloud)
	if err != nil {
		return err
	}
	out := []document.Policy{}
	for _, who := range principals {
		if err := expressible(cat, p.env, who); err != nil {
			return err
		}
		d, err := document.Of(who, optionsOf(cat, p.env, who))
		if err != nil {
			return fmt.Errorf("%s: %w", environmentAt(cat, p.env, "spec"), err)
		}
		for _, note := range d.Notes {
			if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "note: %s: %s\n", d.Principal, note); err != nil {
				return err
			}
		}
		out = append(out, d)
	}
	if p.dir != "" {
		return p.files(cmd, out)
	}
	if p.format == "yaml" {
		data, err := yaml.Marshal(out)
		if err == nil {
			_, err = cmd.OutOrStdout().Write(data)
		}
		return err
	}
	return encodeJSON(cmd.OutOrStdout(), out)
}

// environmentAt is where a field of an environment is declared, or the field above it that is.
func environmentAt(cat *catalog.Catalog, env string, path ...any) v1alpha1.Position {
	doc, ok := cat.Document(v1alpha1.KindEnvironment, env)
	if !ok {
		return v1alpha1.Position{}
	}
	return doc.Position(path...)
}

// cloudOf is the cloud that is asked for, or the only one that the environment is of.
func (p *policyOf) cloudOf(cat *catalog.Catalog, asked catalog.Provider) (catalog.Provider, error) {
	known := catalog.CloudOf(&cat.Environments[p.env].Spec)
	switch {
	case asked == "" && len(known) > 1:
		return "", usagef("the environment %q is of several clouds: choose one by --cloud", p.env)
	case asked == "" && len(known) == 1:
		return known[0], nil
	case slices.Contains(known, asked):
		return asked, nil
	}
	field, example := catalog.AWS.Annotation(), "arn:aws:iam::123456789012:role/<identity>-<environment>"
	switch asked {
	case catalog.GCP:
		field, example = asked.Annotation(), "<identity>-<environment>@acme-data.iam.gserviceaccount.com"
	case catalog.Azure:
		field, example = asked.Annotation(), "11111111-2222-3333-4444-555555555555"
	case catalog.AWS:
	}
	return "", fmt.Errorf("%s: nothing says who the accounts of the environment %q are in %s: write spec.identity there, such as %q: %q",
		environmentAt(cat, p.env, "spec"), p.env, inCloud(asked), field, example)
}

func inCloud(asked catalog.Provider) string {
	if asked == "" {
		return "a cloud"
	}
	return string(asked)
}

// principals are those as whom the workloads that are asked for run, and that need rights on data.
func (p *policyOf) principals(cat *catalog.Catalog, cloud catalog.Provider) (out []rights.Principal, err error) {
	project, _ := cat.Project(p.project)
	account := ""
	if p.workload != "" {
		w, _, ok := project.Workload(p.workload)
		if !ok {
			return nil, unknown("workload", p.workload, workloadNames(project))
		}
		if project.Excludes(p.env, p.workload) {
			return nil, fmt.Errorf("%s/%s does not run in the environment %q: it is excluded there", p.project, p.workload, p.env)
		}
		account = project.IdentityOf(w, p.env)
	}
	for _, who := range rights.Principals(rights.Accounts(cat), cloud) {
		ours := func(m rights.Member) bool {
			return m.Environment == p.env && m.Project == p.project && (account == "" || m.Account == account)
		}
		if slices.ContainsFunc(who.Members, ours) && len(who.Grants)+len(who.Tables)+len(who.Notes)+len(who.Wrong) > 0 {
			out = append(out, who)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("nothing to grant: what runs of %s in the environment %q neither reads nor writes data", p.project, p.env)
	}
	return out, nil
}

func workloadNames(p *catalog.Project) (names []string) {
	for i := range p.Spec.Workloads {
		names = append(names, p.Spec.Workloads[i].Name)
	}
	return names
}

// expressible returns why no cloud gives rights on a place, and where that is declared.
func expressible(cat *catalog.Catalog, env string, who rights.Principal) error {
	if len(who.Wrong) == 0 {
		return nil
	}
	w := who.Wrong[0]
	at := environmentAt(cat, env, "spec", "lots", "manifests")
	if w.Store != "" {
		at = environmentAt(cat, env, "spec", "stores", w.Store)
	}
	return fmt.Errorf("%s: the rights of %s cannot be expressed: %s", at, who.Name, w.Why)
}

// optionsOf are what the environment says, with the issuers of all in which there are members.
func optionsOf(cat *catalog.Catalog, env string, who rights.Principal) document.Options {
	var o document.Options
	spec := &cat.Environments[env].Spec
	if spec.DataAccess != nil {
		o.DataAccess = *spec.DataAccess
	}
	if spec.Resources != nil {
		o.Region = spec.Resources.Region
	}
	o.Issuers = maps.Clone(o.Issuers)
	for _, m := range who.Members {
		if d := cat.Environments[m.Environment].Spec.DataAccess; d != nil && d.Issuers[m.Cluster] != "" {
			if o.Issuers == nil {
				o.Issuers = map[string]string{}
			}
			o.Issuers[m.Cluster] = d.Issuers[m.Cluster]
		}
	}
	return o
}

// unsafe are characters that no name of a file has here.
var unsafe = regexp.MustCompile(`[^A-Za-z0-9._@-]+`)

// files writes a file for each document. They are named after the principal.
func (p *policyOf) files(cmd *cobra.Command, all []document.Policy) error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil { //nolint:gosec // policies are no secret
		return err
	}
	for _, d := range all {
		name := unsafe.ReplaceAllString(d.Principal[strings.LastIndexByte(d.Principal, '/')+1:], "_")
		for _, part := range []struct {
			what string
			of   any
		}{{"policy", d.Policy}, {"trust", d.Trust}} {
			var text strings.Builder
			if p.format == "yaml" {
				data, err := yaml.Marshal(part.of)
				if err != nil {
					return err
				}
				text.Write(data)
			} else if err := encodeJSON(&text, part.of); err != nil {
				return err
			}
			file := filepath.Join(p.dir, name+"."+part.what+"."+p.format)
			if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil { //nolint:gosec // policies are no secret
				return err
			}
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), file); err != nil {
				return err
			}
		}
	}
	return nil
}
