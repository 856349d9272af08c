// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
)

// etag is what a store's listing says of an object's content.
func etag(o *blob.ListObject) string {
	var listed types.Object
	switch {
	case o.As(&listed) && listed.ETag != nil:
		return strings.Trim(*listed.ETag, `"`)
	case len(o.MD5) > 0:
		return hex.EncodeToString(o.MD5)
	}
	return fmt.Sprintf("%x-%x", o.ModTime.UnixNano(), o.Size)
}
