// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"trunkline.dev/trunkline/api/tableformat"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
)

// glueCatalog is that of an account in a region.
type glueCatalog struct {
	client glueClient
	// used is set once something in it was to be made.
	used atomic.Bool
}

// notFound is what Glue answers of what is not there.
const notFound = "EntityNotFoundException"

// marked returns the parameters of a database or table with the marks of its owner.
func marked(parameters map[string]string, r catalog.Resource, owner resource.Owner) map[string]string {
	out := map[string]string{}
	maps.Copy(out, parameters)
	out[resource.OwnerMark], out[resource.RemovalMark] = owner.String(), resource.RemovalKeep
	if r.Remove {
		out[resource.RemovalMark] = resource.RemovalRemove
	}
	return out
}

// ensureDatabase implements [Cloud.Ensure].
func (g *glueCatalog) ensureDatabase(ctx context.Context, r catalog.Resource, owner resource.Owner, may func(mark string) error) (done Done, err error) {
	out, err := g.client.GetDatabase(ctx, &glue.GetDatabaseInput{Name: &r.Name})
	if code(err) == notFound {
		_, err = g.client.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{
			Name: &r.Name, Description: described(r.Description), Parameters: marked(nil, r, owner),
		}})
		return Done{Made: err == nil}, said(err, "making the database "+r.Name)
	}
	if err != nil {
		return done, said(err, "reading the database "+r.Name)
	}
	d := out.Database
	if err := may(d.Parameters[resource.OwnerMark]); err != nil {
		return done, err
	}
	want := marked(d.Parameters, r, owner)
	if text(d.Description) != r.Description {
		done.Changed = append(done.Changed, "description")
	}
	if !maps.Equal(want, d.Parameters) {
		done.Changed = append(done.Changed, "parameters")
	}
	if len(done.Changed) == 0 {
		return done, nil
	}
	done.Made = d.Parameters[resource.OwnerMark] != owner.String()
	_, err = g.client.UpdateDatabase(ctx, &glue.UpdateDatabaseInput{Name: &r.Name, DatabaseInput: &types.DatabaseInput{
		Name: &r.Name, Description: described(r.Description), Parameters: want, LocationUri: d.LocationUri,
		CreateTableDefaultPermissions: d.CreateTableDefaultPermissions, TargetDatabase: d.TargetDatabase, FederatedDatabase: d.FederatedDatabase,
	}})
	if err != nil {
		return Done{}, said(err, "changing the database "+r.Name)
	}
	return done, nil
}

func described(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// external is the type of tables whose data are not the catalog's.
const external = "EXTERNAL_TABLE"

// ensureTable implements [Cloud.Ensure].
func (g *glueCatalog) ensureTable(ctx context.Context, r catalog.Resource, owner resource.Owner, may func(mark string) error) (done Done, err error) {
	name := r.Database + "." + r.Name
	want, classified := storage(r)
	out, err := g.client.GetTable(ctx, &glue.GetTableInput{DatabaseName: &r.Database, Name: &r.Name})
	if code(err) == notFound {
		parameters := marked(classified, r, owner)
		parameters["EXTERNAL"] = "TRUE"
		_, err = g.client.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: &r.Database, TableInput: &types.TableInput{
			Name: &r.Name, Description: described(r.Description), TableType: aws.String(external), Parameters: parameters,
			StorageDescriptor: want, PartitionKeys: columnsOf(r.Partitions),
		}})
		if code(err) == notFound {
			return done, fmt.Errorf("making the table %s: there is no database %s yet", name, r.Database)
		}
		return Done{Made: err == nil}, said(err, "making the table "+name)
	}
	if err != nil {
		return done, said(err, "reading the table "+name)
	}
	t := out.Table
	if err := may(t.Parameters[resource.OwnerMark]); err != nil {
		return done, err
	}
	if !sameColumns(t.PartitionKeys, columnsOf(r.Partitions)) {
		return done, fmt.Errorf("the table %s has other partitions than declared: what partitions it has cannot be changed; declare one of another name, or drop this one by hand", name)
	}
	in := inputOf(t)
	done.Changed = differences(in, want, r)
	parameters := marked(in.Parameters, r, owner)
	maps.Copy(parameters, classified)
	if !maps.Equal(parameters, in.Parameters) {
		done.Changed = append(done.Changed, "parameters")
	}
	if len(done.Changed) == 0 {
		return done, nil
	}
	done.Made = t.Parameters[resource.OwnerMark] != owner.String()
	in.Description, in.Parameters = described(r.Description), parameters
	if in.StorageDescriptor == nil {
		in.StorageDescriptor = want
	} else {
		s := *in.StorageDescriptor // what others have set of it stays, such as that it is sorted
		s.Columns, s.Location, s.InputFormat, s.OutputFormat, s.SerdeInfo = want.Columns, want.Location, want.InputFormat, want.OutputFormat, want.SerdeInfo
		in.StorageDescriptor = &s
	}
	if _, err := g.client.UpdateTable(ctx, &glue.UpdateTableInput{DatabaseName: &r.Database, TableInput: in}); err != nil {
		return Done{}, said(err, "changing the table "+name)
	}
	return done, nil
}

// inputOf is a table as it is written again.
func inputOf(t *types.Table) *types.TableInput {
	return &types.TableInput{
		Name: t.Name, Description: t.Description, LastAccessTime: t.LastAccessTime, LastAnalyzedTime: t.LastAnalyzedTime, Owner: t.Owner,
		Parameters: t.Parameters, PartitionKeys: t.PartitionKeys, Retention: t.Retention, StorageDescriptor: t.StorageDescriptor, TableType: t.TableType,
		TargetTable: t.TargetTable, ViewExpandedText: t.ViewExpandedText, ViewOriginalText: t.ViewOriginalText,
	}
}

// differences are the settings of a table that are not as declared.
func differences(is *types.TableInput, want *types.StorageDescriptor, r catalog.Resource) (out []string) {
	s := is.StorageDescriptor
	if s == nil {
		s = &types.StorageDescriptor{}
	}
	if text(is.Description) != r.Description {
		out = append(out, "description")
	}
	if !sameColumns(s.Columns, want.Columns) {
		out = append(out, "columns")
	}
	if strings.TrimSuffix(text(s.Location), "/") != strings.TrimSuffix(text(want.Location), "/") {
		out = append(out, "location")
	}
	serde := types.SerDeInfo{}
	if s.SerdeInfo != nil {
		serde = *s.SerdeInfo
	}
	if text(s.InputFormat) != text(want.InputFormat) || text(s.OutputFormat) != text(want.OutputFormat) ||
		text(serde.SerializationLibrary) != text(want.SerdeInfo.SerializationLibrary) || !maps.Equal(serde.Parameters, want.SerdeInfo.Parameters) {
		out = append(out, "format")
	}
	return out
}

func columnsOf(columns []v1alpha1.Column) []types.Column {
	out := make([]types.Column, len(columns))
	for i, c := range columns {
		out[i] = types.Column{Name: aws.String(c.Name), Type: aws.String(c.Type), Comment: described(c.Comment)}
	}
	return out
}

// sameColumns compares what a declaration says of columns.
func sameColumns(a, b []types.Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x := [3]string{strings.ToLower(text(a[i].Name)), text(a[i].Type), text(a[i].Comment)}
		if y := [3]string{strings.ToLower(text(b[i].Name)), text(b[i].Type), text(b[i].Comment)}; !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

// storage is what a table says of its files, and how they are classified.
func storage(r catalog.Resource) (*types.StorageDescriptor, map[string]string) {
	f := tableformat.Of(r.Format)
	return &types.StorageDescriptor{
		Columns: columnsOf(r.Columns), Location: aws.String(r.Location), InputFormat: aws.String(f.Input), OutputFormat: aws.String(f.Output),
		SerdeInfo: &types.SerDeInfo{SerializationLibrary: aws.String(f.Serde), Parameters: f.Parameters},
	}, map[string]string{"classification": f.Classification}
}

// left lists the databases and tables that are someone's. Only databases that are theirs are looked into, and those of tables that are.
func (g *glueCatalog) left(ctx context.Context, mine func(mark string) (resource.Owner, bool)) (out []resource.Left, err error) {
	for databases := glue.NewGetDatabasesPaginator(g.client.GetDatabases, &glue.GetDatabasesInput{}); databases.HasMorePages(); {
		page, err := databases.NextPage(ctx)
		if err != nil {
			return out, said(err, "listing the databases")
		}
		for _, d := range page.DatabaseList {
			// Tables first: a database is removed once none is in it.
			for tables := glue.NewGetTablesPaginator(g.client.GetTables, &glue.GetTablesInput{DatabaseName: d.Name}); tables.HasMorePages(); {
				found, err := tables.NextPage(ctx)
				if code(err) == notFound || code(err) == "AccessDeniedException" {
					break // it is gone by now, or another's
				}
				if err != nil {
					return out, said(err, "listing the tables of "+text(d.Name))
				}
				for _, t := range found.TableList {
					if owner, ok := mine(t.Parameters[resource.OwnerMark]); ok {
						id := string(catalog.TableResource) + " " + text(d.Name) + "." + text(t.Name)
						out = append(out, resource.Left{ID: id, Owner: owner, Removal: t.Parameters[resource.RemovalMark]})
					}
				}
			}
			if owner, ok := mine(d.Parameters[resource.OwnerMark]); ok {
				out = append(out, resource.Left{ID: string(catalog.DatabaseResource) + " " + text(d.Name), Owner: owner, Removal: d.Parameters[resource.RemovalMark]})
			}
		}
	}
	return out, nil
}

// removeDatabase removes a database without tables: Glue would remove them with it.
func (g *glueCatalog) removeDatabase(ctx context.Context, name string) error {
	tables, err := g.client.GetTables(ctx, &glue.GetTablesInput{DatabaseName: &name, MaxResults: aws.Int32(1)})
	switch {
	case code(err) == notFound:
		return nil
	case err != nil:
		return said(err, "listing the tables of "+name)
	case len(tables.TableList) > 0:
		return fmt.Errorf("the database %s is not declared any more and not empty, it has the table %s: drop its tables, and it is removed, or declare it again",
			name, text(tables.TableList[0].Name))
	}
	_, err = g.client.DeleteDatabase(ctx, &glue.DeleteDatabaseInput{Name: &name})
	if code(err) == notFound {
		return nil
	}
	return said(err, "removing the database "+name)
}

// removeTable removes a table, and nothing of its data.
func (g *glueCatalog) removeTable(ctx context.Context, name string) error {
	database, table, _ := strings.Cut(name, ".")
	_, err := g.client.DeleteTable(ctx, &glue.DeleteTableInput{DatabaseName: &database, Name: &table})
	if code(err) == notFound {
		return nil
	}
	return said(err, "removing the table "+name)
}
