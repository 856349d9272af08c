// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Resources are what a project has made in the cloud: buckets, and databases and tables of a catalog. In names and locations
// "<project>" and "<environment>" are replaced. Each is made once, belongs to its project from then on, and is not made for previews.
type Resources struct {
	// Buckets are those of S3, or of a store that speaks it.
	Buckets []Bucket `json:"buckets,omitempty"`
	// Databases are those of AWS Glue's catalog.
	Databases []Database `json:"databases,omitempty"`
	// Tables are those of AWS Glue's catalog.
	Tables []Table `json:"tables,omitempty"`
}

// OnRemoval says what becomes of a resource that is not declared any more.
type OnRemoval string

// What can become of it.
const (
	// OnRemovalKeep leaves it as it is, and nobody looks after it any more.
	OnRemovalKeep OnRemoval = "keep"
	// OnRemovalRemove removes it: a bucket that is empty, a database without tables, a table without its data.
	OnRemovalRemove OnRemoval = "remove"
)

func (OnRemoval) values() []string { return []string{string(OnRemovalKeep), string(OnRemovalRemove)} }

// Bucket is a bucket of S3. It is private and encrypted, and takes requests over TLS only, as far as the store knows how to.
type Bucket struct {
	// Name is that of the bucket, such as "acme-<environment>-orders".
	Name string `json:"name" required:"true"`
	// Versioned keeps what is overwritten or deleted as older versions; default: false.
	Versioned bool `json:"versioned,omitempty"`
	// Tags are put on the bucket beside those that others put there; default: none.
	Tags map[string]string `json:"tags,omitempty"`
	// Environments are those of the project in which it is declared; default: all of them.
	Environments []string `json:"environments,omitempty"`
	// OnRemoval is what becomes of it once it is not declared any more: "keep" or "remove", which is only done to what is empty;
	// default: "keep".
	OnRemoval OnRemoval `json:"onRemoval,omitempty"`
	// Adopt takes over one that is there and that was not made for the project; default: false, it is left as it is, and said to be.
	Adopt bool `json:"adopt,omitempty"`
}

// Database is a database of a catalog.
type Database struct {
	// Name is that of the database, such as "orders_<environment>".
	Name string `json:"name" required:"true"`
	// Description says what is in it, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Environments are those of the project in which it is declared; default: all of them.
	Environments []string `json:"environments,omitempty"`
	// OnRemoval is what becomes of it once it is not declared any more: "keep" or "remove", which is only done to what is empty;
	// default: "keep".
	OnRemoval OnRemoval `json:"onRemoval,omitempty"`
	// Adopt takes over one that is there and that was not made for the project; default: false, it is left as it is, and said to be.
	Adopt bool `json:"adopt,omitempty"`
}

// Table is a table of a catalog: what it says of files that are elsewhere.
type Table struct {
	// Database is the name of the database that it is in, such as "orders_<environment>".
	Database string `json:"database" required:"true"`
	// DatabaseExternal says that the database is made outside of the platform, so that no project has to declare it; default: false.
	DatabaseExternal bool `json:"databaseExternal,omitempty"`
	// Name is that of the table, such as "clean".
	Name string `json:"name" required:"true"`
	// Description says what is in it, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Dataset is the dataset of the project whose data it is about, such as "clean@1": the table is where that is in each environment;
	// default: Location says where.
	Dataset string `json:"dataset,omitempty"`
	// Location is where its data are, such as "s3://acme-<environment>-orders/clean/"; default: Dataset says where.
	Location string `json:"location,omitempty"`
	// Format is that of its files.
	Format TableFormat `json:"format" required:"true"`
	// Columns are those of its files, in their order.
	Columns []Column `json:"columns" required:"true"`
	// Partitions are the columns that its folders are named after, in their order; default: none.
	Partitions []Column `json:"partitions,omitempty"`
	// Environments are those of the project in which it is declared; default: all of them.
	Environments []string `json:"environments,omitempty"`
	// OnRemoval is what becomes of it once it is not declared any more: "keep" or "remove", which is only done to what is empty;
	// default: "keep".
	OnRemoval OnRemoval `json:"onRemoval,omitempty"`
	// Adopt takes over one that is there and that was not made for the project; default: false, it is left as it is, and said to be.
	Adopt bool `json:"adopt,omitempty"`
}

// Column is a column of a table.
type Column struct {
	// Name is that of the column, such as "amount".
	Name string `json:"name" required:"true"`
	// Type is a type of Hive, such as "decimal(12,2)" or "array<struct<sku:string,count:int>>".
	Type string `json:"type" required:"true"`
	// Comment says what is in it; default: none.
	Comment string `json:"comment,omitempty"`
}

// TableFormat is the format of the files of a table.
type TableFormat string

// The formats.
const (
	// FormatParquet is Apache Parquet; and so on.
	FormatParquet TableFormat = "parquet"
	FormatORC     TableFormat = "orc"
	FormatAvro    TableFormat = "avro"
	// FormatJSON has an object in each line.
	FormatJSON TableFormat = "json"
	// FormatCSV has values in quotes where they need some, and FormatTSV none.
	FormatCSV TableFormat = "csv"
	FormatTSV TableFormat = "tsv"
	// FormatCloudTrail are the logs of AWS CloudTrail.
	FormatCloudTrail TableFormat = "cloudtrail_logs"
)

func (TableFormat) values() []string {
	return []string{
		string(FormatParquet), string(FormatORC), string(FormatAvro), string(FormatJSON), string(FormatCSV), string(FormatTSV), string(FormatCloudTrail),
	}
}

// EnvironmentResources says how the resources that projects declare are made in an environment.
type EnvironmentResources struct {
	// Via is who makes them: "api" is the daemon, by the interfaces of S3 and AWS Glue; with "crossplane" and "ack" they are objects of the
	// releases on the first cluster, which Crossplane or the controllers of AWS (ACK) act on.
	Via ResourcesVia `json:"via" required:"true"`
	// Region is that of buckets and catalogs, such as "eu-west-1"; default: as AWS' own tools are told where the daemon or
	// the controller runs. Crossplane has to be told.
	Region string `json:"region,omitempty"`
	// Names are patterns of the names that buckets and databases may have here, with "<project>" and "<environment>" replaced and "*"
	// for any text, such as "acme-<environment>-*"; default: any.
	Names []string `json:"names,omitempty"`
	// Account is the number of the account of AWS, such as "123456789012", which Crossplane has to be told for databases and tables; default:
	// that of the credentials.
	Account string `json:"account,omitempty"`
	// ProviderConfig is the name of the ClusterProviderConfig of Crossplane with the credentials; default: "default".
	ProviderConfig string `json:"providerConfig,omitempty"`
}

// ResourcesVia is who makes resources.
type ResourcesVia string

// Who can.
const (
	// ViaAPI is the daemon itself.
	ViaAPI ResourcesVia = "api"
	// ViaCrossplane is Crossplane 2, with its providers for AWS.
	ViaCrossplane ResourcesVia = "crossplane"
	// ViaACK are AWS Controllers for Kubernetes.
	ViaACK ResourcesVia = "ack"
)

func (ResourcesVia) values() []string {
	return []string{string(ViaAPI), string(ViaCrossplane), string(ViaACK)}
}
