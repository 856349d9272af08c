// SPDX-License-Identifier: Apache-2.0

//go:build stores_cloud

package bucket

import (
	_ "gocloud.dev/blob/azureblob" // opens "azblob://"
	_ "gocloud.dev/blob/gcsblob"   // opens "gs://"
)
