// SPDX-License-Identifier: Apache-2.0

// Package tableformat says how the files of tables are read and written, as catalogs of Hive and AWS Glue have it.
//
// It is pure. Of Trunkline it may import api/v1alpha1.
package tableformat

import "trunkline.dev/trunkline/api/v1alpha1"

// Format is how engines read and write files, by the names of classes in Java.
type Format struct {
	Input, Output, Serde string
	// Parameters are those of the serde, and Classification is how Glue calls the format.
	Parameters     map[string]string
	Classification string
}

const (
	textInput  = "org.apache.hadoop.mapred.TextInputFormat"
	textOutput = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
	hive       = "org.apache.hadoop.hive."
)

// Of returns how files of a format are read and written.
func Of(f v1alpha1.TableFormat) Format {
	switch f {
	case v1alpha1.FormatParquet:
		return Format{
			hive + "ql.io.parquet.MapredParquetInputFormat", hive + "ql.io.parquet.MapredParquetOutputFormat", hive + "ql.io.parquet.serde.ParquetHiveSerDe",
			map[string]string{"serialization.format": "1"},
			"parquet",
		}
	case v1alpha1.FormatORC:
		return Format{hive + "ql.io.orc.OrcInputFormat", hive + "ql.io.orc.OrcOutputFormat", hive + "ql.io.orc.OrcSerde", nil, "orc"}
	case v1alpha1.FormatAvro:
		return Format{
			hive + "ql.io.avro.AvroContainerInputFormat", hive + "ql.io.avro.AvroContainerOutputFormat", hive + "serde2.avro.AvroSerDe", nil, "avro",
		}
	case v1alpha1.FormatJSON:
		return Format{textInput, textOutput, "org.openx.data.jsonserde.JsonSerDe", nil, "json"}
	case v1alpha1.FormatCSV:
		return Format{
			textInput, textOutput, hive + "serde2.OpenCSVSerde", map[string]string{"separatorChar": ",", "quoteChar": `"`, "escapeChar": `\`}, "csv",
		}
	case v1alpha1.FormatTSV:
		return Format{
			textInput, textOutput, hive + "serde2.lazy.LazySimpleSerDe", map[string]string{"field.delim": "\t", "serialization.format": "\t"}, "csv",
		}
	case v1alpha1.FormatCloudTrail:
		return Format{"com.amazon.emr.cloudtrail.CloudTrailInputFormat", textOutput, "com.amazon.emr.hive.serde.CloudTrailSerde", nil, "cloudtrail"}
	}
	return Format{}
}
