// SPDX-License-Identifier: Apache-2.0

package location

import (
	"fmt"
	"slices"
	"strings"
)

// Table is the address of a table of a catalog, such as "glue:///sales/orders" or "iceberg://prod/sales/orders".
type Table struct {
	// Scheme is "glue", the catalog of AWS, or "iceberg", one that the client of Iceberg knows.
	Scheme string
	// Catalog is its name: of Glue that of an account, or empty for the account's own, and of Iceberg what its client calls it.
	Catalog string
	// Namespace is the database, and of Iceberg the parts of the namespace; Name is that of the table.
	Namespace []string
	Name      string
}

// catalogs are the kinds of catalog, by the schemes of their tables.
var catalogs = []string{"glue", "iceberg"}

// IsTable reports whether an address is one of a table, or of a catalog, instead of a folder. It may be no good one.
func IsTable(address string) bool {
	scheme, _, ok := strings.Cut(address, "://")
	return ok && slices.Contains(catalogs, scheme)
}

// ParseTable reads an address. No error shows credentials.
func ParseTable(address string) (Table, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	bad := func(why string) (Table, error) {
		return Table{}, fmt.Errorf("the table %q %s", hidden(scheme)+"://"+hidden(rest), why)
	}
	catalog, path, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	names := strings.Split(path, "/")
	switch {
	case !IsTable(address):
		return bad("is in a kind of catalog that is not known; want one of: " + strings.Join(catalogs, ", "))
	case scheme == "iceberg" && catalog == "":
		return bad("names no catalog; write it as iceberg://catalog/namespace/table")
	case strings.ContainsAny(rest, `?#@%\`) || strings.ContainsFunc(rest, unreadable):
		return bad("has a character that no name should have; credentials are those of the catalog's own tools")
	case slices.ContainsFunc(names, func(s string) bool { return s == "" || s == "." || s == ".." }) || len(names) < 2:
		return bad("names no database, or no table in one")
	case scheme == "glue" && len(names) > 2:
		return bad("has a folder too many; write it as glue:///database/table")
	}
	return Table{scheme, catalog, names[:len(names)-1], names[len(names)-1]}, nil
}
