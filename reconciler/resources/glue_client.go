// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/glue"
)

// call is an operation of Glue.
type call[In, Out any] func(ctx context.Context, in *In, opts ...func(*glue.Options)) (*Out, error)

// glueClient is the operations of Glue that are needed, each by itself: a value that has the client in it would have the linker keep all 299 of them, which are
// a tenth of the program.
type glueClient struct {
	GetDatabase    call[glue.GetDatabaseInput, glue.GetDatabaseOutput]
	GetDatabases   databases
	CreateDatabase call[glue.CreateDatabaseInput, glue.CreateDatabaseOutput]
	UpdateDatabase call[glue.UpdateDatabaseInput, glue.UpdateDatabaseOutput]
	DeleteDatabase call[glue.DeleteDatabaseInput, glue.DeleteDatabaseOutput]
	GetTable       call[glue.GetTableInput, glue.GetTableOutput]
	GetTables      tables
	CreateTable    call[glue.CreateTableInput, glue.CreateTableOutput]
	UpdateTable    call[glue.UpdateTableInput, glue.UpdateTableOutput]
	DeleteTable    call[glue.DeleteTableInput, glue.DeleteTableOutput]
	// elsewhere reports that it is not AWS' own.
	elsewhere bool
}

func clientOf(c *glue.Client) glueClient {
	return glueClient{
		c.GetDatabase, c.GetDatabases, c.CreateDatabase, c.UpdateDatabase, c.DeleteDatabase,
		c.GetTable, c.GetTables, c.CreateTable, c.UpdateTable, c.DeleteTable, c.Options().BaseEndpoint != nil,
	}
}

// databases and tables are calls whose answers come in pages.
type (
	databases call[glue.GetDatabasesInput, glue.GetDatabasesOutput]
	tables    call[glue.GetTablesInput, glue.GetTablesOutput]
)

// GetDatabases implements [glue.GetDatabasesAPIClient].
func (d databases) GetDatabases(ctx context.Context, in *glue.GetDatabasesInput, opts ...func(*glue.Options)) (*glue.GetDatabasesOutput, error) {
	return d(ctx, in, opts...)
}

// GetTables implements [glue.GetTablesAPIClient].
func (t tables) GetTables(ctx context.Context, in *glue.GetTablesInput, opts ...func(*glue.Options)) (*glue.GetTablesOutput, error) {
	return t(ctx, in, opts...)
}
